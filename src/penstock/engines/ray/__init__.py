"""The engine of a Ray cluster: a gang is a submission to its Jobs API and a placement group."""
