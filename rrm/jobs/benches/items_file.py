"""items.jsonl: every item of a run on a line of its own, with every vote, in the order of the data.

What it holds is enough to count all votes again by other rules, and to read the judge's texts again in another format;
what was asked and what is right stands in the data, by the item's id.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Self

import msgspec

from rrm.benchmarks.base import Item
from rrm.benchmarks.figures import Heard
from rrm.errors import InputError
from rrm.judging.prompts import Prompt
from rrm.judging.verdicts import read
from rrm.rows.base import reading
from rrm.types import Opinion, Usage, Vote, json_line

__all__ = ["ItemLine", "Reading", "encode", "item_line", "read_items", "reread", "reread_line"]

_NO_USAGE = Usage()


class Reading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a format made of a text."""

    vote: Vote | None
    scores: tuple[float, ...] = ()
    weight: float = 1.0
    probability: float | None = None
    criteria: Mapping[str, float] = {}

    @classmethod
    def of(cls, opinion: Opinion) -> Self:
        """That of an opinion."""
        return cls(
            vote=opinion.vote,
            scores=opinion.scores,
            weight=opinion.weight,
            probability=opinion.probability,
            criteria=opinion.criteria,
        )

    def put_into(self, opinion: Opinion) -> Opinion:
        """The opinion, read so."""
        return replace(
            opinion,
            vote=self.vote,
            scores=self.scores,
            weight=self.weight,
            probability=self.probability,
            criteria=self.criteria,
        )


class ItemLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line. `label` says of the item's pair which is better, where it has one pair; `worth` says it of each response."""

    id: str
    subset: str
    worth: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...]
    label: Vote | None = None
    opinions: tuple[Opinion, ...]
    """`shown` are indices of responses in the order shown, `vote` and `scores` are in terms of that order."""
    usage: Usage = Usage()
    error: str | None = None
    """Why the judge could not be asked, and the name of the error's class in `rrm.errors`."""
    error_type: str | None = None
    notes: tuple[str, ...] = ()
    first_readings: tuple[Reading, ...] = ()
    """Of each opinion, how the run itself read it; only where another format has read them since."""

    def heard(self, item: Item) -> Heard:
        """What the figures count, without the texts, which they don't need."""
        return Heard(item, tuple(replace(opinion, text="") for opinion in self.opinions), self.error)


def item_line(
    item: Item,
    opinions: tuple[Opinion, ...],
    usage: Usage = _NO_USAGE,
    *,
    error: str | None = None,
    error_type: str | None = None,
    notes: tuple[str, ...] = (),
) -> ItemLine:
    """The line of an item."""
    label = item.label(item.pairs[0]) if len(item.pairs) == 1 else None
    return ItemLine(
        id=item.id,
        subset=item.subset,
        worth=item.worth,
        pairs=item.pairs,
        label=label,
        opinions=opinions,
        usage=usage,
        error=error,
        error_type=error_type,
        notes=notes,
    )


def encode(line: ItemLine) -> str:
    """One line of JSON, without its end."""
    return json_line(line)


def read_items(path: Path) -> Iterator[ItemLine]:
    """The lines of a file that an earlier run wrote. Raises InputError that names the file and the line."""
    decode = msgspec.json.Decoder(ItemLine).decode
    with reading(str(path)), path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                yield decode(line)
            except ValueError as error:
                raise InputError(f"{path}:{number}: not what rrm bench writes: {error}") from error


def reread_line(line: ItemLine, prompt: Prompt | None) -> ItemLine:
    """The line as another format reads its texts; without one, as the run itself read them.

    Either way what was read before, by any other format, is forgotten.
    """
    first = line.opinions
    if line.first_readings:
        first = tuple(one.put_into(own) for one, own in zip(line.first_readings, line.opinions, strict=True))
    now = tuple(reread(opinion, prompt) for opinion in first) if prompt else first
    kept = () if now == first else tuple(map(Reading.of, first))
    return msgspec.structs.replace(line, opinions=now, first_readings=kept)


def reread(opinion: Opinion, prompt: Prompt) -> Opinion:
    """The opinion as another format reads the same text.

    One that was recorded without its text stays as it is, and so does one whose sample was made to choose: what was put
    into its mouth is no text of its own.
    """
    if opinion.forced or (not opinion.text and not opinion.is_lost):
        return opinion
    found = read(
        opinion.text,
        prompt.grammar,
        opinion.finish_reason,
        reasoning_open=prompt.front.reasoning == "opened",
        count=len(opinion.shown),
    )
    # The probabilities of tokens are not kept: that of a verdict stands as long as the verdict does.
    probability = opinion.probability if found.vote is opinion.vote else None
    return replace(
        opinion,
        vote=found.vote,
        scores=found.scores,
        weight=found.weight,
        probability=probability,
        criteria=dict(found.criteria),
    )
