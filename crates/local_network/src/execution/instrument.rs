//! Rewriting a module so that its state can be taken out and put back.
//!
//! Interface specification: *Canister module format*. A canister's heap and mutable globals live on between messages,
//! while an instance of its module lives for one message only. So the rewritten module exports its memory, its table
//! and its mutable globals under names of ours, and does nothing when it is instantiated: data segments become passive
//! and empty (their bytes are written into a new heap once), and the start function becomes an export.

use wasm_encoder::{DataCountSection, DataSection, ExportKind, ExportSection, RawSection};
use wasmparser::{BinaryReaderError, DataKind, ExternalKind, Operator, Parser, Payload, TypeRef};

use super::heap::WASM_PAGE;

/// What our own exports start with; modules may not export anything that does.
pub(super) const RESERVED: &str = "__local_network_";
/// The exported memory.
pub(super) const MEMORY: &str = "__local_network_memory";
/// The exported table of functions.
pub(super) const TABLE: &str = "__local_network_table";
/// The exported start function.
pub(super) const START: &str = "__local_network_start";

/// The name under which the `index`th mutable global is exported.
pub(super) fn global_name(index: usize) -> String {
    format!("{RESERVED}global_{index}")
}

/// What a module says about its state.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// Bytes of the heap of a new canister; `None` without a memory.
    pub(super) heap: Option<usize>,
    /// The heap's initial contents.
    pub(super) data: Vec<(usize, Vec<u8>)>,
    /// How many mutable globals it has.
    pub(super) globals: usize,
    /// Whether it has a start function.
    pub(super) start: bool,
    /// Whether it has a table.
    pub(super) table: bool,
    /// Whether it names its functions.
    pub(super) names: bool,
    /// Custom sections, as (name, bytes).
    pub(super) custom: Vec<(String, Vec<u8>)>,
    /// Imported functions, as (module, name); anything else imported has an empty third.
    pub(super) imports: Vec<(String, String, bool)>,
    /// Functions, the imported ones excluded.
    pub(super) functions: usize,
    /// Bytes of the code section.
    pub(super) code_size: usize,
    mutable_globals: Vec<u32>,
    start_function: Option<u32>,
}

/// Reads what the module says about its state, without validating its code.
///
/// # Errors
/// The module cannot be decoded, or its data segments are not placed by a constant within its memory.
pub(super) fn shape(wasm: &[u8]) -> Result<Shape, String> {
    let decoding = |e: BinaryReaderError| format!("Failed to decode wasm module: {e}");
    let mut shape = Shape::default();
    let mut parser = Parser::new(0);
    let mut rest = wasm;
    loop {
        let payload = match parser.parse(rest, true).map_err(decoding)? {
            wasmparser::Chunk::Parsed { consumed, payload } => {
                rest = &rest[consumed..];
                payload
            }
            wasmparser::Chunk::NeedMoreData(_) => return Err("Failed to decode wasm module: unexpected end".into()),
        };
        match payload {
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    let import = import.map_err(decoding)?;
                    let function = matches!(import.ty, TypeRef::Func(_));
                    shape
                        .imports
                        .push((import.module.to_owned(), import.name.to_owned(), function));
                }
            }
            Payload::MemorySection(section) => {
                for memory in section {
                    let memory = memory.map_err(decoding)?;
                    let bytes = memory
                        .initial
                        .checked_mul(WASM_PAGE as u64)
                        .and_then(|b| usize::try_from(b).ok());
                    shape.heap = Some(
                        bytes
                            .filter(|b| *b <= super::heap::MAX_HEAP)
                            .ok_or("the memory is too large")?,
                    );
                }
            }
            Payload::TableSection(section) => shape.table |= section.count() > 0,
            Payload::FunctionSection(section) => shape.functions = section.count() as usize,
            Payload::GlobalSection(section) => {
                for (index, global) in section.into_iter().enumerate() {
                    if global.map_err(decoding)?.ty.mutable {
                        shape
                            .mutable_globals
                            .push(u32::try_from(index).map_err(|e| e.to_string())?);
                    }
                }
                shape.globals = shape.mutable_globals.len();
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let name = export.map_err(decoding)?.name;
                    if name.starts_with(RESERVED) {
                        return Err(format!(
                            "Wasm module has an invalid export section. Exporting reserved symbol {name} not allowed"
                        ));
                    }
                }
            }
            Payload::StartSection { func, .. } => {
                shape.start = true;
                shape.start_function = Some(func);
            }
            Payload::DataSection(section) => {
                for segment in section {
                    let segment = segment.map_err(decoding)?;
                    if let DataKind::Active { offset_expr, .. } = &segment.kind {
                        let mut operators = offset_expr.get_operators_reader();
                        let offset = match (operators.read().map_err(decoding)?, operators.read().map_err(decoding)?) {
                            (Operator::I32Const { value }, Operator::End) => value.cast_unsigned() as usize,
                            _ => {
                                return Err(
                                    "Wasm module has an invalid data section. An offset is not constant.".into()
                                );
                            }
                        };
                        if offset + segment.data.len() > shape.heap.unwrap_or(0) {
                            return Err(
                                "Wasm module has an invalid data section. A segment lies outside of the memory.".into(),
                            );
                        }
                        shape.data.push((offset, segment.data.to_vec()));
                    }
                }
            }
            Payload::CodeSectionStart { range, size, .. } => {
                shape.code_size = range.len();
                // The bodies are the compiler's business.
                rest = rest
                    .get(size as usize..)
                    .ok_or("Failed to decode wasm module: unexpected end")?;
                parser.skip_section();
            }
            Payload::CustomSection(section) => {
                shape.names |= section.name() == "name";
                shape.custom.push((section.name().to_owned(), section.data().to_vec()));
            }
            Payload::End(_) => return Ok(shape),
            _ => {}
        }
    }
}

/// The rewritten module.
///
/// # Errors
/// The module cannot be decoded.
pub(super) fn instrument(wasm: &[u8], shape: &Shape) -> Result<Vec<u8>, String> {
    let mut module = wasm_encoder::Module::new();
    let mut exported = false;
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.map_err(|e| e.to_string())?;
        // Sections come in a fixed order; a module without exports gets ours where they belong.
        let after_exports = matches!(
            payload,
            Payload::StartSection { .. }
                | Payload::ElementSection(_)
                | Payload::DataCountSection { .. }
                | Payload::CodeSectionStart { .. }
                | Payload::DataSection(_)
                | Payload::End(_)
        );
        if after_exports && !exported {
            exported = true;
            module.section(&own_exports(ExportSection::new(), shape));
        }
        match payload {
            Payload::ExportSection(section) => {
                let mut exports = ExportSection::new();
                for export in section {
                    let export = export.map_err(|e| e.to_string())?;
                    let kind = match export.kind {
                        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
                        ExternalKind::Table => ExportKind::Table,
                        ExternalKind::Memory => ExportKind::Memory,
                        ExternalKind::Global => ExportKind::Global,
                        ExternalKind::Tag => ExportKind::Tag,
                    };
                    exports.export(export.name, kind, export.index);
                }
                exported = true;
                module.section(&own_exports(exports, shape));
            }
            Payload::StartSection { .. } => {}
            Payload::DataCountSection { count, .. } => {
                module.section(&DataCountSection { count });
            }
            Payload::DataSection(section) => {
                let mut data = DataSection::new();
                for segment in section {
                    let segment = segment.map_err(|e| e.to_string())?;
                    match segment.kind {
                        DataKind::Active { .. } => data.passive([]),
                        DataKind::Passive => data.passive(segment.data.iter().copied()),
                    };
                }
                module.section(&data);
            }
            Payload::CustomSection(section) => {
                if section.name() == "name" {
                    module.section(&wasm_encoder::CustomSection {
                        name: "name".into(),
                        data: section.data().into(),
                    });
                }
            }
            other => {
                if let Some((id, range)) = other.as_section() {
                    module.section(&RawSection { id, data: &wasm[range] });
                }
            }
        }
    }
    Ok(module.finish())
}

fn own_exports(mut exports: ExportSection, shape: &Shape) -> ExportSection {
    if shape.heap.is_some() {
        exports.export(MEMORY, ExportKind::Memory, 0);
    }
    if shape.table {
        exports.export(TABLE, ExportKind::Table, 0);
    }
    if let Some(function) = shape.start_function {
        exports.export(START, ExportKind::Func, function);
    }
    for (index, global) in shape.mutable_globals.iter().enumerate() {
        exports.export(&global_name(index), ExportKind::Global, *global);
    }
    exports
}
