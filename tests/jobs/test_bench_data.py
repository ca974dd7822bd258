"""Where a benchmark's rows come from: every format gives the same rows, and what can't be read is named."""

import gzip
import json
import os
import subprocess
import sys

import pyarrow
import pytest
from pyarrow import parquet

from rrm.benchmarks import BENCHMARKS
from rrm.errors import InputError
from rrm.jobs.benches.data import HubData, facts_of, open_data
from tests.jobs.bench_rows import judgebench_rows, pandalm_rows, write_json, write_lines

PANDALM, LLMBAR, JUDGEBENCH = (BENCHMARKS[name] for name in ("pandalm", "llmbar", "judgebench"))
ROWS = pandalm_rows([1, 2, 0])


def values(place, benchmark=PANDALM):
    return [dict(row.values) for row in open_data(benchmark, str(place)).rows()]


def refused(place, benchmark=PANDALM):
    with pytest.raises(InputError) as refusal:
        list(open_data(benchmark, str(place)).rows())
    return str(refusal.value)


def columns():
    return {name: [row[name] for row in ROWS] for name in ROWS[0]}


def text_of(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def write_parquet(path, rows=ROWS):
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return path


WRITERS = {
    "rows.json": lambda path: path.write_text(json.dumps(ROWS)),
    "pretty.json": lambda path: path.write_text(json.dumps(ROWS, indent=4)),
    "columns.json": lambda path: path.write_text(json.dumps(columns(), indent=1)),
    "lines.json": lambda path: path.write_text(text_of(ROWS)),
    "rows.jsonl": lambda path: path.write_text("\n" + text_of(ROWS)),
    "marked.jsonl": lambda path: path.write_bytes(b"\xef\xbb\xbf" + text_of(ROWS).encode()),
    "rows.json.gz": lambda path: path.write_bytes(gzip.compress(json.dumps(ROWS).encode())),
    "rows.jsonl.gz": lambda path: path.write_bytes(gzip.compress(text_of(ROWS).encode())),
    "rows.parquet": write_parquet,
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows(tmp_path, name):
    """Numbered from 0, with the file's name."""
    WRITERS[name](tmp_path / name)
    rows = list(open_data(PANDALM, str(tmp_path / name)).rows())
    assert [dict(row.values) for row in rows] == ROWS
    assert [row.number for row in rows] == [0, 1, 2]
    assert {row.file.rpartition("/")[2] for row in rows} == {name}


def test_one_row_is_a_row(tmp_path):
    """Where its columns are lists too, a line of JSON Lines is a row, and an object of a .json file is columns."""
    row = {"idx": [1, 2], "names": ["a", "b"]}
    assert values(write_lines(tmp_path / "rows.jsonl", [row])) == [row]
    assert values(write_json(tmp_path / "rows.json", row)) == [{"idx": 1, "names": "a"}, {"idx": 2, "names": "b"}]
    assert values(write_json(tmp_path / "one.json", {"idx": 1})) == [{"idx": 1}]


def test_a_folder_holds_what_the_benchmark_wants(tmp_path):
    """Other files, hidden ones and metadata are left aside; files come in the order of their paths."""
    names = ["Natural", "Adversarial/GPTOut", "Adversarial/Neighbor", ".cache/Manual"]
    for name in names:
        (tmp_path / "data" / name).mkdir(parents=True)
        write_json(tmp_path / "data" / name / "dataset.json", [{"from": name}])
    write_json(tmp_path / "data" / "Natural" / "result.json", [{"from": "an evaluator"}])
    write_json(tmp_path / "data" / "dataset_infos.json", {})
    rows = list(open_data(LLMBAR, str(tmp_path / "data")).rows())
    assert [row.values["from"] for row in rows] == ["Adversarial/GPTOut", "Adversarial/Neighbor", "Natural"]
    assert [row.file.rpartition("data/")[2] for row in rows] == [
        f"{name}/dataset.json" for name in (*names[1:3], "Natural")
    ]


@pytest.mark.parametrize("given", ["GPTOut", "GPTOut/dataset.json", "GPTOut/."])
def test_a_folder_given_by_itself_still_says_which_subset_it_is(tmp_path, monkeypatch, given):
    """Given as a path, from outside, or from within."""
    (tmp_path / "GPTOut").mkdir()
    row = {"input": "q", "output_1": "a", "output_2": "b", "label": 1}
    write_json(tmp_path / "GPTOut" / "dataset.json", [row])
    for folder, place in (
        (tmp_path, given),
        (tmp_path / "GPTOut", given.removeprefix("GPTOut/").replace("GPTOut", ".")),
    ):
        monkeypatch.chdir(folder)
        (item,) = LLMBAR.items(open_data(LLMBAR, place).rows())
        assert item.id == "gptout/0"


def test_packed_files_in_a_folder(tmp_path):
    """The benchmark is asked about the name without .gz."""
    WRITERS["rows.json.gz"](tmp_path / "testset-v1.json.gz")
    assert values(tmp_path) == ROWS


def test_a_snapshot_of_the_hub(tmp_path):
    """Its data folder; the files of other splits stay out."""
    write_parquet(tmp_path / "data" / "filtered-00000-of-00001.parquet", [{"id": 1}])
    write_parquet(tmp_path / "data" / "raw-00000-of-00001.parquet", [{"id": 2}])
    (tmp_path / "README.md").write_text("---\n")
    assert values(tmp_path, BENCHMARKS["rewardbench"]) == [{"id": 1}]


def test_data_sets_that_were_saved(tmp_path):
    """One split, or several, of which the official ones count."""
    import datasets

    one = datasets.Dataset.from_list(ROWS)
    one.save_to_disk(tmp_path / "one")
    assert values(tmp_path / "one") == ROWS
    both = datasets.DatasetDict({"gpt": one, "claude": datasets.Dataset.from_list(ROWS[:1])})
    both.save_to_disk(tmp_path / "both")
    assert values(tmp_path / "both", JUDGEBENCH) == ROWS
    assert len(values(tmp_path / "both", PANDALM)) == 4
    assert values(tmp_path / "both" / "claude", JUDGEBENCH) == ROWS[:1]


def test_a_digest_is_that_of_the_content(tmp_path):
    """A copy has the same; one byte more is another."""
    digests = []
    for folder, rows in (("a", ROWS), ("b", ROWS), ("c", ROWS[:2])):
        (tmp_path / folder).mkdir()
        write_json(tmp_path / folder / "testset-v1.json", rows)
        digests.append(open_data(PANDALM, str(tmp_path / folder)).digest())
        digests.append(open_data(PANDALM, str(tmp_path / folder / "testset-v1.json")).digest())
        data = open_data(PANDALM, str(tmp_path / folder))
        assert facts_of(data) == {"name": str(tmp_path / folder), "sha256": data.digest()}
    assert digests[:2] == digests[2:4]
    assert len(set(digests)) == 4


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.json", None, "missing.json can't be read: there is no such file or folder"),
        ("empty.json", b"", "empty.json has no rows"),
        ("blank.jsonl", b"\n \n", "blank.jsonl has no rows"),
        ("none.json", b"[]", "none.json has no rows"),
        ("cut.json", b'[{"idx": 1}, {"idx"', "cut.json can't be read: Input data was truncated"),
        ("broken.jsonl", b'{"idx": 1}\n{"idx": }\n', "broken.jsonl:2: malformed JSON"),
        ("numbers.json", b"[1, 2]", "numbers.json, row 0: a row must be a JSON object, not a number"),
        (
            "text.json",
            b'"rows"',
            "text.json must hold rows (an array of objects, or an object of columns), not a string",
        ),
        ("uneven.json", b'{"idx": [1, 2], "input": ["a"]}', "are not equally long: idx 2, input 1"),
        ("deep.json", b"[" * 100_000, "deep.json can't be read"),
        ("latin.jsonl", b'{"idx": "\xe9"}\n', "latin.jsonl:1: invalid UTF-8"),
        ("false.json.gz", b"not packed", "false.json.gz can't be unpacked"),
        ("cut.json.gz", gzip.compress(b"[]" * 500, mtime=0)[:20], "cut.json.gz can't be unpacked"),
        ("false.parquet", b"PAR?", "false.parquet can't be read"),
        ("rows.csv", b"idx\n1\n", "rows.csv can't be read: a file may hold"),
    ],
)
def test_files_that_can_not_be_read(tmp_path, name, content, said):
    """Each is named, with what is wrong and where."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert said in refused(tmp_path / name)


def test_folders_without_rows(tmp_path):
    """It is said what there is instead."""
    assert refused(tmp_path).endswith("holds no file of pandalm: it is empty")
    write_json(tmp_path / "predictions.json", ROWS)
    said = refused(tmp_path)
    assert "holds no file of pandalm: it has predictions.json; name the file itself" in said
    assert values(tmp_path / "predictions.json") == ROWS


def test_a_folder_whose_rows_are_taken_for_the_predictions(tmp_path):
    """The file of the rows was named with --predictions."""
    rows = write_json(tmp_path / "testset-v1.json", ROWS)
    with pytest.raises(
        InputError, match=r"holds no file of pandalm but testset-v1\.json, which is taken for the predict"
    ):
        open_data(PANDALM, str(tmp_path), without=[str(rows)])
    write_json(tmp_path / "other.json", ROWS)
    assert open_data(PANDALM, str(tmp_path), without=[str(tmp_path / "other.json")]).digest()


def test_standard_input_and_no_data_at_all():
    """A benchmark is read more than once; and not every one is on the hub."""
    assert "stdin can't be" in refused("-")
    with pytest.raises(InputError, match="pandalm is not on the Hugging Face hub: name its files with --data"):
        open_data(PANDALM, None)


def test_what_a_name_stands_for(tmp_path, monkeypatch):
    """A name of the hub's form that is no path is one of the hub; a file's name is a file's."""
    monkeypatch.chdir(tmp_path)
    assert open_data(JUDGEBENCH, None).name == "ScalerLab/JudgeBench"
    mirror = open_data(JUDGEBENCH, "mirror/judge-bench")
    assert isinstance(mirror, HubData)
    assert mirror.name == "mirror/judge-bench"
    assert "there is no such file or folder" in refused("data/rows.jsonl")
    (tmp_path / "mirror").mkdir()
    write_lines(tmp_path / "mirror" / "judge-bench", ROWS)
    assert values("mirror/judge-bench") == ROWS


LOADING = """
import json, sys
from rrm.benchmarks.base import Hub
from rrm.errors import InputError
from rrm.jobs.benches.data import HubData, facts_of

hub = Hub(sys.argv[1], splits=tuple(sys.argv[3].split()), more=tuple(sys.argv[2].split()))
try:
    rows = [(row.file, row.number, row.values["idx"]) for row in HubData(hub).rows()]
    print(json.dumps({"rows": rows, "digests": [HubData(hub).digest() for _ in range(2)], "facts": facts_of(HubData(hub))}))
except InputError as error:
    print(json.dumps({"error": str(error)}))
"""


def load(folder, repository, more="", splits="test"):
    """What `HubData` gives, in a process of its own, which keeps its cache in the folder."""
    run = subprocess.run(
        [sys.executable, "-c", LOADING, repository, more, splits],
        env=os.environ | {"HF_HOME": str(folder / "cache"), "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def test_data_sets_of_the_hub(tmp_path):
    """`datasets` takes a folder in the hub's form for a repository: rows are named by repository, configuration and split."""
    for name in ("one", "two"):
        write_parquet(tmp_path / name / "data" / "test-00000-of-00001.parquet", ROWS)
        write_parquet(tmp_path / name / "data" / "train-00000-of-00001.parquet", ROWS[:1])
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    found = load(tmp_path, one)
    assert found["rows"] == [[f"{one}/default/test", number, number] for number in range(3)]
    assert found["digests"][0] == found["digests"][1]
    assert found["facts"]["name"] == one
    assert len(found["facts"]) == 2
    assert len(load(tmp_path, one, splits="")["rows"]) == 4
    files = [row[0] for row in load(tmp_path, one, more=two)["rows"]]
    assert files == [f"{one}/default/test"] * 3 + [f"{two}/default/test"] * 3


def test_the_hub_without_a_network(tmp_path):
    """One sentence that says how to go on."""
    said = load(tmp_path, "someone/nothing")["error"]
    assert said.startswith("someone/nothing can't be loaded from the Hugging Face hub (")
    assert "hf download someone/nothing --repo-type dataset --local-dir FOLDER) and pass --data FOLDER" in said


def test_a_named_file_is_left_out(tmp_path):
    """Such as the predictions, which may lie beside the rows and look like them."""
    write_lines(tmp_path / "gpt.jsonl", judgebench_rows(2))
    write_lines(tmp_path / "predictions.jsonl", [{"id": "1", "order": "given", "vote": "first"}])
    data = open_data(BENCHMARKS["judgebench"], str(tmp_path), without=[str(tmp_path / "predictions.jsonl")])
    assert len(list(data.rows())) == 2
