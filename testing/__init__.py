"""For those who write an output of their own: the contract of docs/outputs.md as checks that can be run.

No test framework is needed; with pytest:

    @pytest.mark.parametrize("check", OUTPUT_CHECKS, ids=str)
    def test_my_output(check):
        if reason := asyncio.run(check(open_my_output)):
            pytest.skip(reason)
"""

from .checks import OUTPUT_CHECKS, OutputCheck
from .scripted_session import ScriptedAudio, ScriptedSession
from .under_test import Bench, OutputContractError, OutputUnderTest

__all__ = [
    "OUTPUT_CHECKS",
    "Bench",
    "OutputCheck",
    "OutputContractError",
    "OutputUnderTest",
    "ScriptedAudio",
    "ScriptedSession",
]
