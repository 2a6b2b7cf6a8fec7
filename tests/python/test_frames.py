"""Frames between the engine and Polars, pyarrow, DuckDB and pandas: the same buffers on both sides, in both directions."""

import duckdb
import kernwerk
import pandas
import polars
import pyarrow
import pytest
from face import BUSY, SOURCE

TABLE = pyarrow.table({
    "ride": pyarrow.array([1, 2, 3], pyarrow.int64()),
    "zone": ["harbour", "station", None],
    "fare": [1.5, None, 2.5],
})  # fmt: skip


def address(frame, column="ride") -> int:
    """Where the numbers of a column lie in memory, as pyarrow is told."""
    return pyarrow.table(frame)[column].chunk(0).buffers()[1].address


@pytest.fixture
def lab(directory):
    lab = kernwerk.Lab(directory)
    lab.run(SOURCE)
    lab.run(BUSY)
    return lab


@pytest.fixture
def frame(lab):
    return lab.run("%%feature sql -> frame\nSELECT ride, zone, fare FROM rides ORDER BY ride").table


def test_polars_pyarrow_and_pandas_see_the_engines_own_numbers(frame):
    here = address(frame)
    assert address(frame) == here, "the engine gives the same buffers each time"
    assert address(polars.DataFrame(frame)) == here
    arrow = pyarrow.table(frame)
    assert arrow["ride"].chunk(0).buffers()[1].address == here
    in_pandas = arrow.to_pandas(types_mapper=pandas.ArrowDtype)
    assert in_pandas["ride"].array._pa_array.chunk(0).buffers()[1].address == here


def test_all_libraries_read_the_same_rows(frame):
    rows = pyarrow.table(frame).to_pylist()
    assert len(rows) == len(frame) == 24
    assert polars.DataFrame(frame).to_dicts() == rows
    assert duckdb.sql("FROM frame").fetchall() == [tuple(row.values()) for row in rows]
    assert duckdb.sql("SELECT sum(ride) FROM frame").fetchall() == [(sum(range(1, 25)),)]


def test_the_schema_is_given_by_itself(frame):
    assert pyarrow.schema(frame).names == frame.columns == ["ride", "zone", "fare"]


@pytest.mark.parametrize(
    "made",
    [
        lambda table: table,
        lambda table: table.to_batches()[0],
        lambda table: polars.from_arrow(table),
        lambda table: table.to_pandas(types_mapper=pandas.ArrowDtype),
    ],
    ids=["pyarrow table", "pyarrow batch", "polars", "pandas"],
)
def test_frames_go_in_without_a_copy(made):
    given = made(TABLE)
    taken = kernwerk.Frame(given)
    assert len(taken) == 3 and taken.columns == TABLE.column_names
    assert address(taken) == address(TABLE)
    assert pyarrow.table(taken).to_pylist() == TABLE.to_pylist()


def test_a_slice_and_several_pieces_keep_their_rows():
    pieces = pyarrow.concat_tables([TABLE, TABLE]).slice(2, 3)
    taken = kernwerk.Frame(pieces)
    assert pyarrow.table(taken).to_pylist() == pieces.to_pylist()
    assert len(kernwerk.Frame(TABLE.slice(0, 0))) == 0


def test_a_relation_of_duckdb_goes_in():
    relation = duckdb.sql("SELECT 7 AS ride, 'park' AS zone")
    assert pyarrow.table(kernwerk.Frame(relation)).to_pylist() == [{"ride": 7, "zone": "park"}]


def test_frames_outlive_what_they_were_made_of():
    taken = kernwerk.Frame(pyarrow.table({"n": list(range(100_000))}))
    again = pyarrow.table(kernwerk.Frame(taken))
    del taken
    assert again["n"].to_pylist() == list(range(100_000))


@pytest.mark.parametrize(
    "make",
    [
        lambda: polars.DataFrame({"request": [1, 2], "zone": ["harbour", "station"], "at": ["2024-05-01T09:00:00"] * 2}).with_columns(polars.col("at").str.to_datetime(time_unit="us")),
        lambda: pandas.DataFrame({"request": [1, 2], "zone": ["harbour", "station"], "at": pandas.to_datetime(["2024-05-01T09:00:00"] * 2)}),
        lambda: duckdb.sql("SELECT * FROM (VALUES (1, 'harbour', TIMESTAMP '2024-05-01 09:00:00'), (2, 'station', TIMESTAMP '2024-05-01 09:00:00')) t(request, zone, \"at\")"),
        lambda: pyarrow.table({"request": [1, 2], "zone": ["harbour", "station"], "at": pyarrow.array([1714554000000000] * 2, pyarrow.timestamp("us"))}),
    ],
    ids=["polars", "pandas", "duckdb", "pyarrow"],
)  # fmt: skip
def test_a_frame_that_a_magic_names_is_its_table(lab, make):
    training = lab.run("%feature training asked --features busy --event-time at", asked=make())
    rows = pyarrow.table(training.table).to_pylist()
    assert [row["request"] for row in rows] == [1, 2]
    assert {row["zone"] for row in rows} == {"harbour", "station"}
    assert all(row["last_fare"] is not None for row in rows), rows


def test_a_frame_that_is_given_goes_before_the_labs_table_for_this_call(lab):
    """And views go on to read the lab's."""
    ask = "%feature training rides --features busy --event-time at"
    asked = polars.DataFrame({"zone": ["harbour"], "at": ["2024-05-01 09:00:00"]}).with_columns(polars.col("at").str.to_datetime())
    given = lab.run(ask, rides=asked)
    [row] = pyarrow.table(given.table).to_pylist()
    assert row["zone"] == "harbour" and row["last_fare"] is not None
    assert not any("not looked at" in note for note in given.notes), given.notes
    assert "rides" not in lab.variables
    assert len(lab.run("%feature training rides --features busy").table) == 24
    # A view's name is no different.
    view = lab.run("%feature training busy --features busy --event-time at", busy=asked)
    assert pyarrow.table(view.table).to_pylist() == [row]


def test_of_a_table_of_the_lab_and_a_variable_the_table_is_taken_and_said_so(lab):
    few = polars.DataFrame({"zone": ["harbour"], "at": ["2024-05-01 09:00:00"]}).with_columns(polars.col("at").str.to_datetime())
    lab.variables.update(asked=few, rides=few)
    asked = lab.run("%feature training asked --features busy --event-time at")
    assert len(asked.table) == 1 and not any("not looked at" in note for note in asked.notes)
    hidden = lab.run("%feature training rides --features busy")
    assert len(hidden.table) == 24
    assert any("`rides` is the lab's table" in note for note in hidden.notes), hidden.notes


def test_what_is_no_frame_is_said(lab):
    with pytest.raises(TypeError, match="list holds no rows in Arrow form"):
        kernwerk.Frame([1, 2])
    with pytest.raises(TypeError, match="type holds no rows"):
        kernwerk.Frame(polars.DataFrame)
    with pytest.raises(TypeError, match="`asked`: dict holds no rows"):
        lab.run("%feature training asked --features busy", asked={"zone": ["harbour"]})
    with pytest.raises(TypeError, match="'akse', which '%feature training asked --features busy' does not name"):
        lab.run("%feature training asked --features busy", akse=TABLE)


def test_a_mistake_in_a_frame_says_what_to_do(lab):
    ask = "%feature training asked --features busy --event-time at"
    with pytest.raises(TypeError, match=r"LazyFrame holds no rows.*`collect\(\)`"):
        lab.run(ask, asked=polars.LazyFrame({"zone": ["harbour"]}))
    for text in (b"%lab status", None, 7):
        with pytest.raises(TypeError, match="the text of a magic"):
            lab.run(text)


def test_a_frame_that_fails_while_it_gives_its_rows_is_named(lab):
    class Failing:
        def __arrow_c_stream__(self, requested_schema=None):
            raise RuntimeError("the disk is gone")

    with pytest.raises(kernwerk.Error, match="`asked` cannot give its rows.*the disk is gone") as caught:
        lab.run("%feature training asked --features busy", asked=Failing())
    assert caught.value.name == "UnreadableFrame"


def test_something_else_than_a_stream_is_refused():
    class Lying:
        def __arrow_c_stream__(self, requested_schema=None):
            return TABLE.schema.__arrow_c_schema__()

    with pytest.raises(ValueError, match="capsule|Capsule"):
        kernwerk.Frame(Lying())


def test_a_stored_table_goes_before_a_variable_and_leaves_it_alone(lab):
    class Untouched:
        def __arrow_c_stream__(self, requested_schema=None):
            raise AssertionError("nobody named it")

    lab.variables.update(rides=Untouched(), other=Untouched())
    lab.run("%feature training rides --features busy")
