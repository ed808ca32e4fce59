"""What can go wrong, and whether trying again can help."""


class SimError(Exception):
    """Root of every error the simulator raises on purpose."""


class ScenarioError(SimError):
    """The scenario asks for something impossible; retrying cannot help."""


class FaultError(SimError):
    """A fault was asked for that this instrument cannot have; retrying cannot help."""


class ControlError(SimError):
    """The running simulator refused a request, or none runs there."""


class ModbusRefusalError(SimError):
    """A request a Modbus unit answers with an exception."""

    def __init__(self, code: int) -> None:
        """Refuse with the exception ``code`` of the Modbus specification."""
        super().__init__(f"exception {code}")
        self.code = code
