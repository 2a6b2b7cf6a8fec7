//! Files as they are read: types, missing values, zones, and what is said of broken ones.

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, StringViewArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use kernwerk_core::{Table, Work};
use kernwerk_feature::{FileRead, ReadOptions, Roles, read_file};
use parquet::arrow::ArrowWriter;
use std::sync::Arc;
use tempfile::TempDir;

use crate::common::{csv, said};

fn try_read(name: &str, content: impl AsRef<[u8]>, options: &ReadOptions) -> Result<FileRead, kernwerk_feature::Error> {
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join(name);
    std::fs::write(&path, content).expect("a file");
    read_file(&path, name, options, &Work::silent())
}

fn read(name: &str, content: impl AsRef<[u8]>) -> FileRead {
    try_read(name, content, &ReadOptions::default()).expect("a readable file")
}

/// Columns as `name: type`, with missing values and remarks where there are some.
fn described(read: &FileRead) -> Vec<String> {
    let missing = |count: u64| if count > 0 { format!(", {count} missing") } else { String::new() };
    let remark = |remark: &Option<String>| remark.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    read.columns
        .iter()
        .map(|column| {
            format!("{}: {}{}{}", column.name, column.type_name, missing(column.missing), remark(&column.remark))
        })
        .collect()
}

fn rows(read: &FileRead) -> String {
    csv(&Table::new(read.schema.clone(), read.batches.clone()))
}

fn event(column: &str) -> ReadOptions {
    let roles = Roles { event_time: Some(column.to_owned()), ..Roles::default() };
    ReadOptions { roles, ..ReadOptions::default() }
}

/// What is said of a CSV that cannot be read.
fn broken(content: impl AsRef<[u8]>) -> String {
    said(try_read("rides.csv", content, &ReadOptions::default()))
}

#[test]
fn types_come_from_the_whole_file() {
    // Seen to fail when only the first rows were looked at: the last row turns `code` into text.
    let mut text = "id,fare,code,day,at,ok,note\n".to_owned();
    for row in 0..5000 {
        text.push_str(&format!("{row},1.5,{row},2019-03-01,2019-03-01 10:00:00,true,x\n"));
    }
    text.push_str("5000,,A7,,2019-03-01,NA,\n");
    let read = read("rides.csv", text);
    assert_eq!(
        described(&read),
        [
            "id: int64",
            "fare: float64, 1 missing",
            "code: text (text because line 5002 holds `A7`)",
            "day: date, 1 missing",
            "at: timestamp",
            "ok: boolean, 1 missing",
            "note: text, 1 missing",
        ]
    );
    assert_eq!((read.rows(), read.format), (5001, "csv"));
}

#[test]
fn many_batches_are_one_table() {
    let rows = 150_000;
    let text: String = std::iter::once("n\n".to_owned()).chain((0..rows).map(|row| format!("{row}\n"))).collect();
    let read = read("n.csv", text);
    assert_eq!(read.rows(), rows);
    assert!(read.batches.len() > 1);
}

#[test]
fn marks_quotes_and_line_ends_are_read() {
    let read = read("a.csv", "\u{feff}name, n \r\n\"a\nb\",1\r\n\"\",2\r\n,3\r\n\r\n\"say \"\"hi\"\"\", 4\r\n");
    assert_eq!(rows(&read), "name,n\na\nb,1\n,2\n-,3\nsay \"hi\",4");
    assert_eq!(read.notes, ["1 empty lines were passed over"]);
}

#[test]
fn words_for_missing_are_text_among_texts() {
    // NA is Namibia where countries are listed.
    assert_eq!(rows(&read("a.csv", "country,n\nNA,1\nDE,NA\n")), "country,n\nNA,1\nDE,-");
}

#[test]
fn other_delimiters_are_found() {
    let read = read("a.csv", "a;b\n1;2,5\n");
    assert_eq!(rows(&read), "a,b\n1,2,5");
    assert_eq!(read.notes, ["values are separated by ';'"]);
}

#[test]
fn broken_csv_is_placed_by_line_and_column() {
    for (content, expected) in [
        (
            "a,b\n1,2\n3\n",
            "MalformedFile: rides.csv, line 3, column `b`: expected 2 values as in the header, found 1: this is the first column without a value",
        ),
        (
            "a,b\n\"x\ny\",2\n3,4,5\n",
            "MalformedFile: rides.csv, line 4: expected 2 values as in the header, found 3: the first extra value, after column `b`, is `5`",
        ),
        (
            "a,b\n1,\"x\n2,y\n",
            "MalformedFile: rides.csv, line 2, column `b`: expected a closing quote, but the file ends inside the value that is opened here",
        ),
        (
            "a,b\n\"1\"2,3\n",
            "MalformedFile: rides.csv, line 2, column `a`: expected the delimiter or the end of the line after a closing quote (a quote inside a quoted value is written twice)",
        ),
        (
            "a,b,a\n1,2,3\n",
            "MalformedFile: rides.csv, line 1: columns 1 and 3 are both called `a`\nhint: rename one of them",
        ),
        (
            ",a\n1,2\n",
            "MalformedFile: rides.csv, line 1: column 1 has no name\nhint: give it a name; a table index that was written along can be left out (in pandas with index=False)",
        ),
        ("", "UnreadableFile: rides.csv: the file is empty\nhint: a CSV needs at least a header with column names"),
        ("\n\n", "MalformedFile: rides.csv, line 1: expected a header with column names, found only empty lines"),
    ] {
        assert_eq!(broken(content), expected, "{content:?}");
    }
    assert_eq!(
        broken(b"a,b\n1,caf\xe9\n"),
        "MalformedFile: rides.csv, line 2, byte 6: expected UTF-8, found the byte 0xe9\nhint: save it as UTF-8, for instance with `iconv -f ISO-8859-1 -t UTF-8`"
    );
    assert!(broken(b"\xff\xfea\x00").contains("this is UTF-16 text"));
    assert!(broken(b"\x1f\x8b\x08\x00").contains("this is compressed with gzip"));
}

#[test]
fn event_times_must_be_times() {
    assert_eq!(
        said(try_read("rides.csv", "at,n\n2019-03-01 10:00,1\n01.03.2019,2\n", &event("at"))),
        "MalformedFile: rides.csv, line 3, column `at`: expected a point in time such as 2019-03-23 20:21:09, found `01.03.2019`"
    );
    assert_eq!(
        said(try_read("rides.csv", "pickup,n\n2019-03-01,1\n", &event("pikcup"))),
        "UnknownColumn: --event-time: rides.csv has no column `pikcup`\nhint: did you mean `pickup`?"
    );
    // A day alone is a time when an option says so.
    let read = try_read("rides.csv", "at,day\n2019-03-01,2019-03-01\n", &event("at")).expect("a table");
    assert_eq!(described(&read), ["at: timestamp", "day: date"]);
    assert_eq!(read.columns[0].role, Some("event time"));
}

#[test]
fn local_times_become_instants_and_decisions_are_told() {
    let options = ReadOptions { timezone: Some("America/New_York".parse().expect("a zone")), ..ReadOptions::default() };
    let text = "at\n2019-03-10 01:30:00\n2019-03-10 02:30:00\n2019-11-03 01:30:00\n2019-11-03 01:30:00-05:00\n";
    let read = try_read("rides.csv", text, &options).expect("a table");
    // Seen to fail when the later reading of the repeated hour was taken, and when an offset in the file was ignored.
    assert_eq!(rows(&read), "at\n2019-03-10 06:30:00\n2019-03-10 07:30:00\n2019-11-03 05:30:00\n2019-11-03 06:30:00");
    assert_eq!(
        read.notes,
        [
            "1 local time happened twice in America/New_York (the clock was put back; the first is 2019-11-03 01:30:00): the earlier reading was taken",
            "1 local time never happened in America/New_York (the clock was put forward; the first is 2019-03-10 02:30:00): read with the offset from before the change",
        ]
    );
}

#[test]
fn ndjson_is_read() {
    let text = "{\"id\": 1, \"at\": \"2019-03-01T10:00:00Z\", \"tags\": [\"a\"], \"place\": {\"x\": 1}}\n\n\
                {\"id\": 2.5, \"day\": \"2019-03-01\", \"place\": {\"y\": \"b\"}, \"code\": \"007\"}\n";
    let read = read("a.ndjson", text);
    assert_eq!(
        described(&read),
        [
            "id: float64",
            "at: timestamp, 1 missing",
            "tags: list of text, 1 missing",
            "place: struct of x, y",
            "day: date, 1 missing",
            "code: text, 1 missing",
        ]
    );
    assert_eq!(rows(&read).lines().nth(1), Some("1.0,2019-03-01 10:00:00,[a],{x: 1, y: -},-,-"));
}

#[test]
fn large_whole_numbers_keep_all_digits() {
    let read = read("a.jsonl", "{\"id\": 18446744073709551615}\n{\"id\": 1}\n");
    assert_eq!(rows(&read), "id\n18446744073709551615\n1");
}

#[test]
fn a_long_whole_number_beside_a_fraction_keeps_its_digits() {
    // 2^53 + 1, which no float is.
    let mixed = read("a.jsonl", "{\"n\": 9007199254740993}\n{\"n\": 1.5}\n");
    assert_eq!(rows(&mixed), "n\n9007199254740993\n1.5");
    assert_eq!(described(&mixed), ["n: text (text because line 2 holds `1.5`)"]);
    assert_eq!(described(&read("a.jsonl", "{\"n\": 9007199254740993}\n{\"n\": -1}\n")), ["n: int64"]);
    assert_eq!(described(&read("a.jsonl", "{\"n\": 9007199254740992}\n{\"n\": 1.5}\n")), ["n: float64"]);
}

#[test]
fn broken_ndjson_is_placed() {
    let broken = |text: &str| said(try_read("a.jsonl", text, &ReadOptions::default()));
    assert_eq!(
        broken("{\"a\": 1}\n{\"a\": }\n"),
        "MalformedFile: a.jsonl, line 2, character 7: not valid JSON: expected value"
    );
    assert_eq!(
        broken("{\"a\": 1}\n5\n"),
        "MalformedFile: a.jsonl, line 2: expected an object such as {\"name\": 1}, found a number"
    );
    assert_eq!(
        broken("{\"a\": [1]}\n{\"a\": 2}\n"),
        "MalformedFile: a.jsonl, line 2, column `a`: expected a list as on the lines before, found a number"
    );
    assert!(broken("[{\"a\": 1}]").contains("expected one JSON object a line, found a JSON array"));
    assert_eq!(
        said(try_read("a.jsonl", "{\"at\": \"2019-03-01\"}\n{\"at\": \"soon\"}\n", &event("at"))),
        "MalformedFile: a.jsonl, line 2, column `at`: expected a point in time such as 2019-03-23 20:21:09, found `soon`"
    );
}

fn batch() -> RecordBatch {
    let fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("at", DataType::Timestamp(arrow::datatypes::TimeUnit::Millisecond, None), true),
        Field::new("name", DataType::Utf8View, true),
        Field::new("seen", DataType::Utf8, true),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, 2])),
        Arc::new(TimestampMillisecondArray::from(vec![Some(1_551_434_400_000), None])),
        Arc::new(StringViewArray::from(vec![Some("a"), None])),
        Arc::new(StringArray::from(vec![Some("2019-03-01 11:00"), Some("2019-03-01 12:00")])),
    ];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).expect("a batch")
}

#[test]
fn parquet_and_arrow_bring_their_types() {
    let batch = batch();
    let mut parquet = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut parquet, batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written");
    writer.close().expect("closed");
    let mut file = Vec::new();
    let mut writer = arrow::ipc::writer::FileWriter::try_new(&mut file, &batch.schema()).expect("a writer");
    writer.write(&batch).expect("written");
    writer.finish().expect("finished");
    drop(writer);
    let mut stream = Vec::new();
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(&mut stream, &batch.schema()).expect("a writer");
    writer.write(&batch).expect("written");
    writer.finish().expect("finished");
    drop(writer);
    for (name, bytes, format) in
        [("a.parquet", &parquet, "parquet"), ("a.arrow", &file, "arrow"), ("a.arrows", &stream, "arrow stream")]
    {
        let read = try_read(name, bytes, &event("seen")).expect("a table");
        assert_eq!(read.format, format);
        assert_eq!(
            described(&read),
            ["id: int64", "at: timestamp (ms), 1 missing", "name: text, 1 missing", "seen: timestamp"]
        );
        assert_eq!(rows(&read).lines().nth(1), Some("1,2019-03-01 10:00:00,a,2019-03-01 11:00:00"));
        assert!(said(try_read(name, &bytes[..bytes.len() / 2], &ReadOptions::default())).starts_with("UnreadableFile"));
        assert!(said(try_read(name, bytes, &event("name"))).contains("row 1, column `name`: expected a point in time"));
        assert!(
            said(try_read(name, bytes, &event("id"))).contains("column `id`: expected points in time, found int64")
        );
    }
}

#[test]
fn what_cannot_be_read_says_so() {
    assert_eq!(
        said(try_read("a.xlsx", b"PK\x03\x04", &ReadOptions::default())),
        "UnreadableFile: a.xlsx: this is a ZIP archive or an office document\nhint: save the sheet as CSV, or unpack the archive"
    );
    assert!(said(try_read("a.bin", b"abc", &ReadOptions::default())).contains("files of kind `.bin` cannot be read"));
    let missing = read_file("/no/such/file.csv".as_ref(), "file.csv", &ReadOptions::default(), &Work::silent());
    assert_eq!(
        said(missing),
        "UnreadableFile: file.csv: there is no such file\nhint: paths are taken from the notebook's directory"
    );
    let work = Work::silent();
    work.cancel.cancel();
    let directory = TempDir::new().expect("a directory");
    let path = directory.path().join("a.csv");
    std::fs::write(&path, "a\n1\n").expect("a file");
    assert!(said(read_file(&path, "a.csv", &ReadOptions::default(), &work)).starts_with("Interrupted"));
}
