"""The command line: `rnnc COMMAND …`. A thin layer; each command is one file and is imported when it is asked for."""
