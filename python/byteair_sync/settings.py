"""What the program makes of its options, its environment and its config file.

Days have to be told apart, and ledgers found, as it does; so it is asked and nothing is guessed here.
"""

from . import binary

#: Whose data it is, as far as the config file can say it.
TARGET = ("host", "region", "tenant_id", "application_id")


class Settings:
    """The settings in force on this machine."""

    def __init__(self, program, words):
        status, out, err = binary.run([binary.find(program), "config", "show", "--json", *words])
        if status != 0:
            raise ValueError(f"the settings cannot be taken (status {status}); nothing was sent. {err.strip()[-2000:]}")
        self._told = {line["name"]: line for line in binary.json_lines(out) if line.get("type") == "setting"}

    def value(self, name):
        """The value in force; ``None`` when there is none."""
        value = self._told[name]["value"]
        if value.startswith("(none: "):
            raise ValueError(f"{name}: {value[len('(none: '):-1]} ({self.origin(name)}); nothing was sent")
        return None if value == "-" else value

    def origin(self, name):
        """Where a value comes from."""
        return self._told[name]["origin"]

    def of_profile(self):
        """That of the target which the config file says."""
        return [f"{name}={self.value(name)}" for name in TARGET if self.origin(name).startswith("profile")]
