//! The digest of rows: what replay compares, whatever way the rows were cut, padded or laid out in memory.
//!
//! Each column is hashed on its own, value after value, and the columns' hashes together with names, types and the number of
//! rows give the digest. What is hashed of a column: one byte a row that says whether it is null, and for the rows that are
//! not null the value: numbers in little-endian bytes as they are (so -0.0 is not 0.0, and two NaNs can differ), texts and
//! bytes by length and content, lists by length and, in a hash of their own, their items. Dictionaries, run ends and views
//! count as their type and the values they stand for. Whether the schema allows nulls does not count, nor does metadata.

mod types;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, GenericByteArray, GenericListArray, GenericListViewArray, OffsetSizeTrait,
    RecordBatch, UInt64Array, UnionArray,
};
use arrow::compute::{filter, take};
use arrow::datatypes::{ByteArrayType, DataType, Int16Type, Int32Type, Int64Type, RunEndIndexType, Schema};
use blake3::Hasher;

/// Changes whenever what is hashed changes, so that digests of different makes never look comparable.
const FORMAT: &[u8] = b"kernwerk content 1\n";

/// For so many values threads take less time than to start them.
const WORTH_THREADS: usize = 200_000;

/// The digest of rows: blake3, lower-case hexadecimal. It depends on the names, types, nulls, values and order of the rows,
/// not on how they are cut into batches. Columns are matched by position.
pub fn content_digest(schema: &Schema, batches: &[RecordBatch]) -> String {
    let mut hasher = ContentHasher::new(schema);
    hasher.update_all(batches);
    hasher.finish()
}

/// [`content_digest`] for rows that come one batch after the other.
pub struct ContentHasher {
    head: Hasher,
    columns: Vec<ColumnHasher>,
    rows: u64,
}

impl ContentHasher {
    pub fn new(schema: &Schema) -> Self {
        let mut head = Hasher::new();
        head.update(FORMAT);
        types::put_fields(&mut head, schema.fields());
        Self { head, columns: schema.fields().iter().map(|_| ColumnHasher::default()).collect(), rows: 0 }
    }

    /// Takes in the next rows; their columns are those of the schema.
    pub fn update(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows() as u64;
        for (hasher, column) in self.columns.iter_mut().zip(batch.columns()) {
            hasher.update(column);
        }
    }

    /// Takes in rows that are all there, on as many threads as the machine has for it.
    fn update_all(&mut self, batches: &[RecordBatch]) {
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        if threads == 1 || rows.saturating_mul(self.columns.len()) < WORTH_THREADS {
            batches.iter().for_each(|batch| self.update(batch));
            return;
        }
        self.rows += rows as u64;
        let each = self.columns.len().div_ceil(threads);
        std::thread::scope(|scope| {
            for (part, hashers) in self.columns.chunks_mut(each).enumerate() {
                scope.spawn(move || {
                    for (index, hasher) in (part * each..).zip(hashers) {
                        batches
                            .iter()
                            .filter_map(|batch| batch.columns().get(index))
                            .for_each(|column| hasher.update(column));
                    }
                });
            }
        });
    }

    /// The digest of all rows taken in.
    pub fn finish(mut self) -> String {
        self.head.update(&self.rows.to_le_bytes());
        for column in self.columns {
            self.head.update(column.finish().as_bytes());
        }
        self.head.finalize().to_hex().to_string()
    }
}

/// Hashes a column: two streams of bytes, and a hasher for each column inside it.
#[derive(Default)]
struct ColumnHasher {
    validity: Hasher,
    values: Hasher,
    children: Vec<ColumnHasher>,
}

impl ColumnHasher {
    fn update(&mut self, array: &ArrayRef) {
        match array.data_type() {
            // These stand for other values; those are hashed.
            DataType::Dictionary(..) => {
                let dictionary = array.as_any_dictionary();
                self.update(&picked(dictionary.values(), dictionary.keys()));
            }
            DataType::RunEndEncoded(ends, _) => self.update(&unrolled(array, ends.data_type())),
            // A union's nulls are those of its children.
            DataType::Union(..) => self.union(array.as_union()),
            _ => {
                let present = self.validity(array);
                self.values(&present);
            }
        }
    }

    /// Takes in which rows are null, and returns the others.
    fn validity(&mut self, array: &ArrayRef) -> ArrayRef {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        let Some(nulls) = nulls else {
            self.validity.update(&vec![1; array.len()]);
            return array.clone();
        };
        let flags: Vec<u8> = nulls.iter().map(u8::from).collect();
        self.validity.update(&flags);
        let mask = BooleanArray::new(nulls.into_inner(), None);
        filter(array, &mask).expect("the mask is as long as the array")
    }

    /// Takes in the values of rows that are not null.
    fn values(&mut self, array: &ArrayRef) {
        match array.data_type() {
            DataType::Null => {}
            DataType::Boolean => {
                let bytes: Vec<u8> = array.as_boolean().values().iter().map(u8::from).collect();
                self.values.update(&bytes);
            }
            DataType::Utf8 => self.byte_strings(array.as_string::<i32>()),
            DataType::LargeUtf8 => self.byte_strings(array.as_string::<i64>()),
            DataType::Binary => self.byte_strings(array.as_binary::<i32>()),
            DataType::LargeBinary => self.byte_strings(array.as_binary::<i64>()),
            DataType::Utf8View => self.slices(array.as_string_view().iter().flatten().map(str::as_bytes)),
            DataType::BinaryView => self.slices(array.as_binary_view().iter().flatten()),
            DataType::List(_) => self.list(array.as_list::<i32>()),
            DataType::LargeList(_) => self.list(array.as_list::<i64>()),
            DataType::ListView(_) => self.list_view(array.as_list_view::<i32>()),
            DataType::LargeListView(_) => self.list_view(array.as_list_view::<i64>()),
            DataType::FixedSizeList(..) => self.child(0).update(array.as_fixed_size_list().values()),
            DataType::Map(..) => {
                let map = array.as_map();
                let entries = map.entries().slice(first(map.offsets()), covered(map.offsets()));
                self.lengths(map.offsets());
                self.child(0).update(&(std::sync::Arc::new(entries) as ArrayRef));
            }
            DataType::Struct(_) => {
                for (index, column) in array.as_struct().columns().iter().enumerate() {
                    self.child(index).update(column);
                }
            }
            fixed => {
                let width = fixed.primitive_width().unwrap_or_else(|| fixed_size(fixed));
                let data = array.to_data();
                let start = data.offset() * width;
                // Kernwerk runs on little-endian machines only, so that the bytes are those of the format.
                self.values.update(&data.buffers()[0].as_slice()[start..start + data.len() * width]);
            }
        }
    }

    fn byte_strings<T: ByteArrayType>(&mut self, array: &GenericByteArray<T>) {
        self.slices(array.iter().flatten().map(AsRef::as_ref));
    }

    fn slices<'a>(&mut self, values: impl Iterator<Item = &'a [u8]>) {
        let mut bytes = Vec::new();
        for value in values {
            bytes.extend_from_slice(&(value.len() as u64).to_le_bytes());
            bytes.extend_from_slice(value);
        }
        self.values.update(&bytes);
    }

    fn list<O: OffsetSizeTrait>(&mut self, array: &GenericListArray<O>) {
        self.lengths(array.offsets());
        let items = array.values().slice(first(array.offsets()), covered(array.offsets()));
        self.child(0).update(&items);
    }

    fn list_view<O: OffsetSizeTrait>(&mut self, array: &GenericListViewArray<O>) {
        for row in 0..array.len() {
            let items = array.value(row);
            self.values.update(&(items.len() as u64).to_le_bytes());
            self.child(0).update(&items);
        }
    }

    fn lengths<O: OffsetSizeTrait>(&mut self, offsets: &[O]) {
        for pair in offsets.windows(2) {
            self.values.update(&((pair[1] - pair[0]).as_usize() as u64).to_le_bytes());
        }
    }

    fn union(&mut self, array: &UnionArray) {
        let types: Vec<u8> = array.type_ids().iter().map(|id| id.to_le_bytes()[0]).collect();
        self.values.update(&types);
        let DataType::Union(fields, _) = array.data_type() else {
            return;
        };
        for (index, (id, _)) in fields.iter().enumerate() {
            let rows = (0..array.len()).filter(|row| array.type_id(*row) == id);
            let offsets: UInt64Array = rows.map(|row| array.value_offset(row) as u64).collect();
            self.child(index).update(&picked(array.child(id), &offsets));
        }
    }

    fn child(&mut self, index: usize) -> &mut Self {
        while self.children.len() <= index {
            self.children.push(Self::default());
        }
        &mut self.children[index]
    }

    fn finish(self) -> blake3::Hash {
        let mut whole = Hasher::new();
        whole.update(self.validity.finalize().as_bytes());
        whole.update(self.values.finalize().as_bytes());
        for child in self.children {
            whole.update(child.finish().as_bytes());
        }
        whole.finalize()
    }
}

fn first<O: OffsetSizeTrait>(offsets: &[O]) -> usize {
    offsets.first().map_or(0, |offset| offset.as_usize())
}

/// How many items the offsets cover.
fn covered<O: OffsetSizeTrait>(offsets: &[O]) -> usize {
    offsets.last().map_or(0, |offset| offset.as_usize()) - first(offsets)
}

fn fixed_size(data_type: &DataType) -> usize {
    match data_type {
        DataType::FixedSizeBinary(width) => usize::try_from(*width).unwrap_or_default(),
        _ => 0,
    }
}

fn picked(values: &ArrayRef, indices: &dyn Array) -> ArrayRef {
    take(values, indices, None).expect("indices of an array point into its values")
}

fn unrolled(array: &ArrayRef, ends: &DataType) -> ArrayRef {
    match ends {
        DataType::Int16 => unrolled_by::<Int16Type>(array),
        DataType::Int64 => unrolled_by::<Int64Type>(array),
        _ => unrolled_by::<Int32Type>(array),
    }
}

fn unrolled_by<R: RunEndIndexType>(array: &ArrayRef) -> ArrayRef {
    let runs = array.as_run::<R>();
    let indices: UInt64Array = (0..runs.len()).map(|row| runs.get_physical_index(row) as u64).collect();
    picked(runs.values(), &indices)
}
