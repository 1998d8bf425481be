"""The command line: parses, asks the front desk, prints. A command is imported when it is used."""
