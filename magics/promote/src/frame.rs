//! Tables out of Arrow files that may come from a stranger. A file that says more than it holds is refused before any of it is believed:
//! no memory is taken, and no row is counted, that its bytes do not back.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::buffer::Buffer;
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::{Block, MessageHeader, root_as_footer, root_as_message};

/// The last bytes of an Arrow file: the length of the footer, and the magic word.
const TRAILER: usize = 10;
const MAGIC: &[u8] = b"ARROW1";
/// What stands in front of a message: that it goes on, and its length.
const MESSAGE_HEAD: usize = 8;
/// The bytes of a view of a text: its length, then the text or where it lies.
const VIEW: usize = 16;
/// More rows, or values in all, are not compared one by one.
const MOST_VALUES: usize = 64 << 20;
/// Texts that many rows share are written out up to this many bytes.
const MOST_BYTES: u64 = 512 << 20;

/// The rows of an Arrow file as one batch; the columns are of plain types, or they are named among those that are left out.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub rows: RecordBatch,
    /// Columns whose values are not compared, with their types.
    pub left_out: Vec<(String, String)>,
}

impl Frame {
    /// # Errors
    /// In words why this is no table that can be compared.
    pub fn read(bytes: Vec<u8>) -> Result<Self, String> {
        // The reader checks much and asserts the rest; what asserts panics.
        let read =
            catch_unwind(AssertUnwindSafe(|| read(bytes).and_then(|(schema, batches)| Self::of(schema, &batches))));
        read.unwrap_or_else(|_| Err("it is no Arrow file that can be read".to_owned()))
    }

    pub fn of(schema: SchemaRef, batches: &[RecordBatch]) -> Result<Self, String> {
        let values: usize = batches.iter().flat_map(RecordBatch::columns).map(values).fold(0, usize::saturating_add);
        let rows: usize = batches.iter().map(RecordBatch::num_rows).fold(0, usize::saturating_add);
        if values.max(rows) > MOST_VALUES {
            return Err(format!("it has {rows} rows, too many to be compared one by one"));
        }
        let rows = concat_batches(&schema, batches).map_err(|error| error.to_string())?;
        let (mut fields, mut columns, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for (field, column) in schema.fields().iter().zip(rows.columns()) {
            match plain(column) {
                Some(plain) => {
                    fields.push(Field::new(field.name(), plain.data_type().clone(), true));
                    columns.push(plain);
                }
                None => left_out.push((field.name().clone(), field.data_type().to_string())),
            }
        }
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options);
        Ok(Self { rows: rows.map_err(|error| error.to_string())?, left_out })
    }
}

fn read(bytes: Vec<u8>) -> Result<(SchemaRef, Vec<RecordBatch>), String> {
    let bad = || "it is no whole Arrow file".to_owned();
    let start = bytes.len().checked_sub(TRAILER).ok_or_else(bad)?;
    let trailer: [u8; TRAILER] = bytes[start..].try_into().map_err(|_| bad())?;
    let length = read_footer_length(trailer).map_err(|error| error.to_string())?;
    let footer = start.checked_sub(length).filter(|_| bytes.starts_with(MAGIC)).ok_or_else(bad)?;
    let bytes = Buffer::from_vec(bytes);
    let footer = root_as_footer(&bytes[footer..start]).map_err(|error| error.to_string())?;
    let schema = Arc::new(fb_to_schema(footer.schema().ok_or_else(bad)?));
    if !schema.fields().iter().all(|field| buffers(field.data_type()).is_some()) {
        return Err("it has a column of a kind that is not compared".to_owned());
    }
    let mut decoder = FileDecoder::new(schema.clone(), footer.version());
    for block in footer.dictionaries().iter().flatten() {
        decoder.read_dictionary(block, &message(&bytes, block, None)?).map_err(|error| error.to_string())?;
    }
    let mut batches = Vec::new();
    for block in footer.recordBatches().iter().flatten() {
        let batch = decoder
            .read_record_batch(block, &message(&bytes, block, Some(&schema))?)
            .map_err(|error| error.to_string())?;
        batches.extend(batch);
    }
    Ok((schema, batches))
}

/// The bytes of a message that lies in the file as the footer says. What is compressed says itself how large it will be, so it is not
/// believed; nothing here writes such files.
fn message(bytes: &Buffer, block: &Block, schema: Option<&Schema>) -> Result<Buffer, String> {
    let bad = || "its footer names what is not in the file".to_owned();
    let number = |number: i64| usize::try_from(number).map_err(|_| bad());
    let (start, head, body) =
        (number(block.offset())?, number(block.metaDataLength().into())?, number(block.bodyLength())?);
    let length = head.checked_add(body).ok_or_else(bad)?;
    let end = start.checked_add(length).filter(|end| *end <= bytes.len() && head >= MESSAGE_HEAD).ok_or_else(bad)?;
    let described = root_as_message(&bytes[start + MESSAGE_HEAD..start + head]).map_err(|error| error.to_string())?;
    let batch = match described.header_type() {
        MessageHeader::RecordBatch => described.header_as_record_batch(),
        MessageHeader::DictionaryBatch => described.header_as_dictionary_batch().and_then(|batch| batch.data()),
        _ => None,
    };
    match batch {
        Some(batch) if batch.compression().is_some() => Err("its rows are compressed".to_owned()),
        Some(batch) if usize::try_from(batch.length()).is_ok_and(|rows| rows <= MOST_VALUES) => {
            let body = bytes.get(start + head..end).ok_or_else(bad)?;
            match schema.map_or(Some(0), |schema| viewed(schema, &batch, body)) {
                Some(length) if length <= MOST_BYTES => Ok(bytes.slice_with_length(start, end - start)),
                _ => Err("its texts are too long to be compared".to_owned()),
            }
        }
        _ => Err(bad()),
    }
}

/// The bytes of all texts that views show, which may share them: the reader looks at each. None where the batch has not the buffers that
/// its columns need.
fn viewed(schema: &Schema, batch: &arrow::ipc::RecordBatch<'_>, body: &[u8]) -> Option<u64> {
    let (mut next, mut variadic, mut total) = (0, 0, 0_u64);
    for field in schema.fields() {
        if matches!(field.data_type(), DataType::Utf8View | DataType::BinaryView) {
            let views = batch.buffers()?;
            let views = (next + 1 < views.len()).then(|| views.get(next + 1))?;
            let start = usize::try_from(views.offset()).ok()?;
            let views = body.get(start..start.checked_add(usize::try_from(views.length()).ok()?)?)?;
            let length = |view: &[u8]| view.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
            total += views.chunks_exact(VIEW).map(|view| u64::from(length(view))).sum::<u64>();
            let counts = batch.variadicBufferCounts()?;
            let shared = (variadic < counts.len()).then(|| counts.get(variadic))?;
            next = next.checked_add(usize::try_from(shared).ok()?)?;
            variadic += 1;
        }
        next += buffers(field.data_type())?;
    }
    Some(total)
}

/// How many buffers a column of a type has beside those that views share; none for types that are not read. Views within other types are
/// none of those that are.
fn buffers(kind: &DataType) -> Option<usize> {
    match kind {
        DataType::Null => Some(0),
        DataType::Utf8 | DataType::Binary | DataType::LargeUtf8 | DataType::LargeBinary => Some(3),
        DataType::Utf8View | DataType::BinaryView => Some(2),
        DataType::List(item) | DataType::LargeList(item) => Some(2 + inside(item.data_type())?),
        DataType::FixedSizeList(item, _) => Some(1 + inside(item.data_type())?),
        DataType::Struct(fields) => {
            let counts: Option<Vec<usize>> = fields.iter().map(|field| inside(field.data_type())).collect();
            Some(1 + counts?.iter().sum::<usize>())
        }
        DataType::Dictionary(_, values) => inside(values).map(|_| 2),
        DataType::Boolean | DataType::FixedSizeBinary(_) => Some(2),
        kind => kind.is_primitive().then_some(2),
    }
}

fn inside(kind: &DataType) -> Option<usize> {
    if matches!(kind, DataType::Utf8View | DataType::BinaryView) { None } else { buffers(kind) }
}

/// How many values an array has, with those inside of it.
fn values(array: &ArrayRef) -> usize {
    let inside: usize = match array.data_type() {
        DataType::Struct(_) => array.as_struct().columns().iter().map(values).fold(0, usize::saturating_add),
        DataType::List(_) => values(array.as_list::<i32>().values()),
        DataType::LargeList(_) => values(array.as_list::<i64>().values()),
        DataType::FixedSizeList(..) => values(array.as_fixed_size_list().values()),
        _ => 0,
    };
    array.len().saturating_add(inside)
}

/// The column with its values written out, in a type that says no more than they are; none where that would take too much, or
/// the type is not compared.
fn plain(column: &ArrayRef) -> Option<ArrayRef> {
    let to = match column.data_type() {
        DataType::Dictionary(_, kind) => match kind.as_ref() {
            DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
            kind => kind.clone(),
        },
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        kind => kind.clone(),
    };
    if !is_plain(&to) || written_out(column)? > MOST_BYTES {
        return None;
    }
    if to == *column.data_type() { Some(column.clone()) } else { cast(column, &to).ok() }
}

fn is_plain(kind: &DataType) -> bool {
    match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            is_plain(item.data_type())
        }
        DataType::Struct(fields) => fields.iter().all(|field| is_plain(field.data_type())),
        DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::FixedSizeBinary(_) => true,
        kind => kind.is_primitive() || matches!(kind, DataType::Boolean | DataType::Null),
    }
}

/// The bytes of texts that several rows may share, once each has its own; none where they are not counted.
fn written_out(column: &ArrayRef) -> Option<u64> {
    let text = |length: usize| length as u64;
    match column.data_type() {
        DataType::Utf8View => Some(column.as_string_view().iter().flatten().map(|value| text(value.len())).sum()),
        DataType::BinaryView => Some(column.as_binary_view().iter().flatten().map(|value| text(value.len())).sum()),
        DataType::Dictionary(..) => {
            let dictionary = column.as_any_dictionary_opt()?;
            let entries = dictionary.values();
            let lengths: Vec<u64> = match entries.data_type() {
                DataType::Utf8 => {
                    entries.as_string::<i32>().iter().map(|value| text(value.map_or(0, str::len))).collect()
                }
                DataType::LargeUtf8 => {
                    entries.as_string::<i64>().iter().map(|value| text(value.map_or(0, str::len))).collect()
                }
                DataType::Utf8View => {
                    entries.as_string_view().iter().map(|value| text(value.map_or(0, str::len))).collect()
                }
                kind if kind.is_primitive() || *kind == DataType::Boolean => vec![8; entries.len()],
                _ => return None,
            };
            // Nulls have any key, an empty dictionary none.
            if lengths.is_empty() {
                return Some(0);
            }
            Some(dictionary.normalized_keys().into_iter().filter_map(|key| lengths.get(key)).sum())
        }
        _ => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StringViewArray};
    use arrow::ipc::writer::FileWriter;

    use super::*;

    fn file() -> Vec<u8> {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("n", Arc::new(Int64Array::from(vec![1, 2, 3]))),
            ("t", Arc::new(StringViewArray::from(vec!["a", "b", "a long text that is kept elsewhere"]))),
        ];
        let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
        let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
        writer.write(&batch).and_then(|()| writer.finish()).expect("written");
        writer.into_inner().expect("finished")
    }

    #[test]
    fn rows_are_read_in_plain_types() {
        let frame = Frame::read(file()).expect("a table");
        assert_eq!((frame.rows.num_rows(), frame.left_out.len()), (3, 0));
        assert_eq!(frame.rows.schema().field(1).data_type(), &DataType::Utf8);
    }

    /// Any byte of a file, changed to any of a few others: it is read or it is not, and the process lives.
    #[test]
    fn no_byte_makes_it_panic_or_take_the_memory() {
        let good = file();
        for at in 0..good.len() {
            for value in [0x00, 0x7f, 0x80, 0xff, good[at] ^ 1] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = Frame::read(bad);
            }
            let _ = Frame::read(good[..at].to_vec());
        }
    }

    #[test]
    fn a_text_that_many_rows_share_is_not_written_out_for_each() {
        let shared = StringViewArray::from_iter_values(["x".repeat(1 << 16)]);
        let (views, buffers, _) = shared.into_parts();
        let views = std::iter::repeat_n(views[0], 1 << 14).collect::<Vec<_>>();
        let many: ArrayRef = Arc::new(StringViewArray::new(views.into(), buffers, None));
        let batch = RecordBatch::try_from_iter([("t", many)]).expect("a column");
        let mut writer = FileWriter::try_new(Vec::new(), &batch.schema()).expect("a writer");
        writer.write(&batch).and_then(|()| writer.finish()).expect("written");
        let error = Frame::read(writer.into_inner().expect("finished")).expect_err("it is a gigabyte");
        assert_eq!(error, "its texts are too long to be compared");
        let frame = Frame::of(batch.schema(), &[batch]).expect("a table");
        assert_eq!(frame.left_out, [("t".to_owned(), "Utf8View".to_owned())]);
    }
}
