"""Nodes and the devices on them: what a centre has, in which state, and what it measured."""
