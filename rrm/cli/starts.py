"""Prompt files to start from, one for each kind of judge and one for rubrics: what `rrm prompts new` writes. Each is sound as it is."""

from collections.abc import Mapping
from typing import Literal

__all__ = ["Start", "start_of"]

Start = Literal["pairwise", "pointwise", "listwise", "rubric"]
"""What may be begun with: the kinds of judges, and a pointwise one with weighted criteria."""


def start_of(start: Start, name: str) -> str:
    """A commented prompt file of this kind, called `name`."""
    is_rubric = start == "rubric"
    front = _FRONT.format(
        name=name,
        kind="pointwise" if is_rubric else start,
        parameters=_CRITERIA if is_rubric else _PARAMETERS,
        fields=_FIELDS[start],
    )
    system = "" if is_rubric else " Judge by {{ criteria }}."
    return f"{front}{{% block system %}}You are a careful judge of answers.{system}{{% endblock %}}\n{_BODIES[start]}"


_FRONT = """\
---
# Every field is explained in prompts/README.md of the project. Check this file with: rrm prompts check FILE
name: '{name}'
description: One line for `rrm prompts list`.
source: where the text comes from
licence: whose it is
kind: {kind}              # pairwise: two responses; pointwise: one; listwise: several
roles: [system, user]       # the blocks below, in the order of the chat
query: text                 # text: one user message; conversation: a list of {{role, content}}
reference: none             # none, optional or required: whether {{{{ reference }}}} may be used
reasoning: none             # opened: the judge's chat template ends the prompt inside an opened <think>
sampling: {{max_tokens: 2048, temperature: 0.6, top_p: 1.0}}     # what the judge's authors recommend
{parameters}{fields}---
"""

_PARAMETERS = """\
parameters:                 # further variables with their defaults; --prompt-arg criteria=... sets another
  criteria: correctness, completeness and clarity
"""

_CRITERIA = """\
parameters:
  # One a line: Name (weight): what it asks. Weights need not add up to 1; without any, all count the same.
  # --prompt-arg criteria='Safety: 2; Tone: 1' sets others.
  criteria: |
    Correctness (0.5): Is what it says true, and does its result follow?
    Completeness (0.3): Does it answer every part of the question?
    Clarity (0.2): Is it easy to follow?
"""

_PAIRWISE_FIELDS = """\
ties: false                 # whether the judge may call a tie (it needs labels of its own then)
verdict:                    # looked for behind the reasoning only
  kind: labels              # or scores: two numbers
  open: '<winner>'          # a verdict stands between these; or line: last, or json: path.to.field
  close: '</winner>'
  pick: last                # which of several binds: last, first, or unique (several must agree)
  nouns: [Answer]           # words that may stand before a label: "Answer 1", "Answer 1 is better"
  labels:
    first: ['1']
    second: ['2']
  forced:                   # how to make it choose (--force-verdict): it goes on behind `open` with a choice
    open: '<winner>'
    choices: {first: '1', second: '2'}
examples:                   # what the judge may write, and how it must be read: `rrm prompts check` tries them
  - {text: 'The first is right. <winner>1</winner>', vote: first}
  - {text: 'Only the second answers it. <winner>Answer 2</winner>', vote: second}
  - {text: 'Hard to say.', vote: unparsed}
  - {text: 'Let me compare', vote: truncated, finish_reason: length}
"""

_POINTWISE_FIELDS = """\
verdict:                    # looked for behind the reasoning only
  kind: scores              # or grades: words that stand for numbers
  open: '<score>'           # a verdict stands between these; or line: last, or json: path.to.field
  close: '</score>'
  pick: last                # which of several binds: last, first, or unique (several must agree)
  range: [1, 10]            # a number outside is no verdict
examples:                   # what the judge may write, and how it must be read: `rrm prompts check` tries them
  - {text: 'Right and clear. <score>9</score>', scores: [9]}
  - {text: 'It misses the point. <score>2/10</score>', scores: [2]}
  - {text: '<score>12</score>', vote: unparsed}
  - {text: 'Let me see', vote: truncated, finish_reason: length}
"""

_LISTWISE_FIELDS = """\
window: 8                   # the most responses shown at once
verdict:                    # looked for behind the reasoning only
  kind: index               # or order: all of them, best first; or scores: a number for each
  base: 1                   # the first response is called 1; or 0, or A
  open: '<best>'            # a verdict stands between these; or line: last, or json: path.to.field
  close: '</best>'
  pick: last                # which of several binds: last, first, or unique (several must agree)
  nouns: [Answer]           # words that may stand before a number: "Answer 2"
examples:                   # what the judge may write, and how it must be read: `rrm prompts check` tries them
  - {text: 'The second is right. <best>2</best>', scores: [0, 1, 0]}
  - {text: 'The first. <best>Answer 1</best>', scores: [1, 0]}
  - {text: '<best>4</best>', vote: unparsed, count: 3}
  - {text: 'Let me compare', vote: truncated, finish_reason: length}
"""

_RUBRIC_FIELDS = """\
verdict:                    # looked for behind the reasoning only
  kind: criteria            # a number for each criterion; their weighted mean is the score
  json: 'scores.{}'         # a field of the last JSON object for each; or open: '<{}>' and close: '</{}>'
  range: [1, 5]             # the scale, {{ scale.least }} to {{ scale.most }}; a number outside is no verdict
examples:                   # what the judge may write, and how it must be read: `rrm prompts check` tries them
  - text: 'Right, if short. {"scores": {"Correctness": 5, "Completeness": 3, "Clarity": 4}}'
    criteria: {Correctness: 5, Completeness: 3, Clarity: 4}
    scores: [4.2]
  - {text: '{"scores": {"Correctness": 1, "Completeness": 1, "Clarity": 1}}', scores: [1]}
  - {text: '{"scores": {"Correctness": 5, "Clarity": 4}}', vote: unparsed}
  - {text: 'Let me see', vote: truncated, finish_reason: length}
"""

_FIELDS: Mapping[Start, str] = {
    "pairwise": _PAIRWISE_FIELDS,
    "pointwise": _POINTWISE_FIELDS,
    "listwise": _LISTWISE_FIELDS,
    "rubric": _RUBRIC_FIELDS,
}

_BODIES: Mapping[Start, str] = {
    "pairwise": """\
{% block user %}Question: {{ query }}

Answer 1: {{ first }}

Answer 2: {{ second }}

Which answer is better? Explain, then end with <winner>1</winner> or <winner>2</winner>.{% endblock %}
""",
    "pointwise": """\
{% block user %}Question: {{ query }}

Answer: {{ response }}

How good is the answer, from 1 to 10? Explain, then end with <score>your number</score>.{% endblock %}
""",
    "listwise": """\
{% block user %}Question: {{ query }}

{% for response in responses %}Answer {{ loop.index }}: {{ response }}

{% endfor %}Which answer is best? Explain, then end with <best>its number</best>.{% endblock %}
""",
    "rubric": """\
{% block user %}Question: {{ query }}

Answer: {{ response }}

Grade the answer by each of these, from {{ scale.least }} (worst) to {{ scale.most }} (best):
{% for criterion in criteria %}- {{ criterion.name }}: {{ criterion.description }}
{% endfor %}
Explain, then end with JSON like this, with your numbers:
{"scores": { {%- for criterion in criteria %}{{ criterion.name | json }}: N{% if not loop.last %}, {% endif %}{% endfor -%} }}{% endblock %}
""",
}
