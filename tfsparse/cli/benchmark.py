from tfsparse.cli.command import Command

COMMAND = Command("benchmark", "s", "MODEL", "t", [], lambda f: None, lambda *a: 0)
