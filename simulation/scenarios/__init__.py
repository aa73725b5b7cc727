"""The named scenarios: the field bugs that this wire can show, and the plain cases beside them."""

from .abilities import ABILITIES
from .calls import CALLS
from .cancelling import CANCELLING
from .connections import CONNECTIONS
from .dialects import DIALECTS
from .history import HISTORY
from .holding import HOLDING
from .making import TWO, WEATHER
from .messages import MESSAGES
from .outputs import OUTPUTS
from .plain import PLAIN
from .truncation import TRUNCATION

_ALL = (
    *PLAIN,
    *CALLS,
    *DIALECTS,
    *MESSAGES,
    *TRUNCATION,
    *HISTORY,
    *CANCELLING,
    *OUTPUTS,
    *CONNECTIONS,
    *HOLDING,
    *ABILITIES,
)

SCENARIOS = {scenario.name: scenario for scenario in _ALL}
"""By name, in the order in which they are listed."""

__all__ = ["SCENARIOS", "TWO", "WEATHER"]
