"""The vocabulary that the other modules speak: frozen values, and nothing that acts.

Positions are said in two ways and never mixed. FIRST and SECOND of a `Match` or a `Verdict` are the
contestants as the tournament names them; FIRST and SECOND of a `Vote` that was just parsed are what
the judge was shown. `Case.swapped()` and `Vote.swapped()` are the only way across.
"""

from rrm.types.contests import Case, Contest, Match, Message, Poll, Query, Standings
from rrm.types.json_text import json_line
from rrm.types.samples import Completion, FinishReason, SampleRequest, Sampling, Spent, TokenLogprob, Usage
from rrm.types.verdicts import Opinion, Outcome, Support, Tally, Transcript, Verdict, Vote

__all__ = [
    "Case",
    "Completion",
    "Contest",
    "FinishReason",
    "Match",
    "Message",
    "Opinion",
    "Outcome",
    "Poll",
    "Query",
    "SampleRequest",
    "Sampling",
    "Spent",
    "Standings",
    "Support",
    "Tally",
    "TokenLogprob",
    "Transcript",
    "Usage",
    "Verdict",
    "Vote",
    "json_line",
]
