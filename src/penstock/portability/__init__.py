"""What it takes to move a program to another chip: rules, analysis of source, verdicts, patches. Pure."""
