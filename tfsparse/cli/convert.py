from tfsparse.cli.command import Command

COMMAND = Command("convert", "s", "MODEL", "t", [], lambda f: None, lambda *a: 0)
