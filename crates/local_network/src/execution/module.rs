//! A canister's module: validated, rewritten, compiled.
//!
//! Interface specification: *Canister module format*, *Interface / Entry points*.

use std::collections::{BTreeSet, HashMap};
use std::io::Read;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use pocket_ic::ErrorCode;
use sha2::{Digest, Sha256};
use wasmtime::{ExternType, InstancePre};

use super::engine::engine;
use super::heap::Heap;
use super::instrument::{self, Shape};
use super::interface::{CustomSection, InstallError, Visibility};
use super::{CanisterMemory, cache};
use crate::ic0::State;

/// Largest module, unpacked.
const MAX_MODULE: u64 = 100 << 20;
/// Largest code section.
const MAX_CODE: usize = 10 << 20;
const MAX_FUNCTIONS: usize = 50_000;
const MAX_GLOBALS: usize = 1_000;
const MAX_METHODS: usize = 1_000;
const MAX_METHOD_NAMES: usize = 20_000;
const MAX_CUSTOM_SECTIONS: usize = 16;
const MAX_CUSTOM_BYTES: usize = 1 << 20;

const SYSTEM_ENTRIES: [&str; 6] = [
    "canister_init",
    "canister_pre_upgrade",
    "canister_post_upgrade",
    "canister_inspect_message",
    "canister_heartbeat",
    "canister_global_timer",
];

/// A module that can be executed.
pub struct Module {
    hash: [u8; 32],
    size: usize,
    exports: BTreeSet<String>,
    custom_sections: Vec<CustomSection>,
    shape: Shape,
    instance: InstancePre<State>,
}

impl std::fmt::Debug for Module {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Module")
            .field("hash", &hex::encode(self.hash))
            .finish_non_exhaustive()
    }
}

impl Module {
    /// SHA-256 of the bytes that were given to [`compile`], packed or not: the canister's `module_hash`.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// Bytes of the module, unpacked.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether `canister_update <name>` is exported.
    pub fn has_update(&self, name: &str) -> bool {
        self.exports.contains(&format!("canister_update {name}"))
    }

    /// Whether `canister_query <name>` is exported.
    pub fn has_query(&self, name: &str) -> bool {
        self.exports.contains(&format!("canister_query {name}"))
    }

    /// Whether `canister_composite_query <name>` is exported.
    pub fn has_composite_query(&self, name: &str) -> bool {
        self.exports.contains(&format!("canister_composite_query {name}"))
    }

    /// Whether `canister_heartbeat` is exported.
    pub fn has_heartbeat(&self) -> bool {
        self.exports("canister_heartbeat")
    }

    /// Whether `canister_global_timer` is exported.
    pub fn has_global_timer(&self) -> bool {
        self.exports("canister_global_timer")
    }

    /// Whether `canister_inspect_message` is exported.
    pub fn has_inspect_message(&self) -> bool {
        self.exports("canister_inspect_message")
    }

    /// Whether a query of this canister can look at a data certificate; making one takes time.
    pub fn wants_certificate(&self) -> bool {
        self.shape
            .imports
            .iter()
            .any(|(_, name, _)| name.starts_with("data_certificate"))
    }

    /// The sections `icp:public …` and `icp:private …`, sorted by name.
    pub fn custom_sections(&self) -> &[CustomSection] {
        &self.custom_sections
    }

    pub(super) fn exports(&self, function: &str) -> bool {
        self.exports.contains(function)
    }

    pub(super) fn shape(&self) -> &Shape {
        &self.shape
    }

    pub(super) fn instance(&self) -> &InstancePre<State> {
        &self.instance
    }

    /// The memory of a new canister.
    pub(super) fn initial_memory(&self) -> std::io::Result<CanisterMemory> {
        let mut heap = Heap::new(self.shape.heap.unwrap_or(0))?;
        for (offset, bytes) in &self.shape.data {
            heap.initialise(*offset, bytes)?;
        }
        Ok(CanisterMemory::with_heap(heap))
    }
}

fn invalid(message: impl std::fmt::Display) -> InstallError {
    InstallError {
        code: ErrorCode::CanisterInvalidWasm,
        message: format!("Canister's Wasm module is not valid: {message}."),
    }
}

/// Makes a module executable; `wasm` may be packed with gzip.
///
/// What was compiled once is kept on disk, for other processes too.
///
/// # Errors
/// The module is not a valid canister module.
pub fn compile(wasm: &[u8]) -> Result<Arc<Module>, InstallError> {
    compile_hashed(Sha256::digest(wasm).into(), wasm)
}

/// As [`compile`], for whoever has the module's SHA-256 already: hashing a large module takes longer than loading it.
///
/// # Errors
/// As [`compile`].
pub fn compile_hashed(hash: [u8; 32], wasm: &[u8]) -> Result<Arc<Module>, InstallError> {
    static COMPILED: OnceLock<Mutex<HashMap<[u8; 32], Weak<Module>>>> = OnceLock::new();
    let compiled = COMPILED.get_or_init(Mutex::default);
    if let Some(module) = compiled
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&hash)
        .and_then(Weak::upgrade)
    {
        return Ok(module);
    }
    let module = Arc::new(build(hash, wasm)?);
    let mut compiled = compiled.lock().unwrap_or_else(PoisonError::into_inner);
    compiled.retain(|_, module| module.strong_count() > 0);
    compiled.insert(hash, Arc::downgrade(&module));
    Ok(module)
}

fn build(hash: [u8; 32], packed: &[u8]) -> Result<Module, InstallError> {
    let unpacked;
    let wasm = if packed.starts_with(&[0x1f, 0x8b]) {
        unpacked = unpack(packed)?;
        &unpacked[..]
    } else {
        packed
    };
    if wasm.len() as u64 > MAX_MODULE {
        return Err(invalid(format!(
            "Wasm module size of {} exceeds the maximum allowed size of {MAX_MODULE}",
            wasm.len()
        )));
    }
    let shape = instrument::shape(wasm).map_err(invalid)?;
    check_limits(&shape)?;
    check_imports(&shape)?;
    let custom_sections = custom_sections(&shape)?;
    let module = if let Some(module) = cache::load(engine(), &hash) {
        module
    } else {
        let module = translate(wasm, &shape)?;
        cache::store(&module, &hash);
        module
    };
    let exports = check_exports(&module)?;
    let instance = crate::ic0::linker().instantiate_pre(&module).map_err(|e| {
        match e.downcast_ref::<wasmtime::UnknownImportError>() {
            Some(import) => unknown_import(import.module(), import.name()),
            None => invalid(format!("Wasm module has an invalid import section. {e:#}")),
        }
    })?;
    Ok(Module {
        hash,
        size: wasm.len(),
        exports,
        custom_sections,
        shape,
        instance,
    })
}

/// Validates, rewrites and compiles.
fn translate(wasm: &[u8], shape: &Shape) -> Result<wasmtime::Module, InstallError> {
    let failed = |e: String| invalid(format!("Wasmtime failed to validate wasm module {e}"));
    wasmparser::Validator::new_with_features(super::engine::features())
        .validate_all(wasm)
        .map_err(|e| failed(e.to_string()))?;
    let rewritten = instrument::instrument(wasm, shape).map_err(invalid)?;
    wasmtime::Module::new(engine(), rewritten).map_err(|e| failed(format!("{e:#}")))
}

fn unknown_import(module: &str, name: &str) -> InstallError {
    invalid(format!(
        "Wasm module has an invalid import section. Module imports function '{name}' from '{module}' that is not exported by the runtime"
    ))
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, InstallError> {
    let mut wasm = Vec::with_capacity(packed.len() * 3);
    flate2::read::GzDecoder::new(packed)
        .take(MAX_MODULE + 1)
        .read_to_end(&mut wasm)
        .map_err(|e| invalid(format!("Failed to decode wasm module: {e}")))?;
    Ok(wasm)
}

fn check_limits(shape: &Shape) -> Result<(), InstallError> {
    if shape.functions > MAX_FUNCTIONS {
        return Err(invalid(format!(
            "Wasm module defined {} functions which exceeds the maximum number allowed {MAX_FUNCTIONS}",
            shape.functions
        )));
    }
    if shape.globals > MAX_GLOBALS {
        return Err(invalid(format!(
            "Wasm module defined {} globals which exceeds the maximum number allowed {MAX_GLOBALS}",
            shape.globals
        )));
    }
    if shape.code_size > MAX_CODE {
        return Err(invalid(format!(
            "Wasm module code section size of {} exceeds the maximum allowed size of {MAX_CODE}",
            shape.code_size
        )));
    }
    Ok(())
}

fn check_imports(shape: &Shape) -> Result<(), InstallError> {
    for (module, name, function) in &shape.imports {
        if !function {
            return Err(invalid(format!(
                "Wasm module has an invalid import section. Only functions can be imported, not '{name}' from '{module}'"
            )));
        }
        if module != "ic0" {
            return Err(unknown_import(module, name));
        }
    }
    Ok(())
}

fn check_exports(module: &wasmtime::Module) -> Result<BTreeSet<String>, InstallError> {
    let bad = |message: String| invalid(format!("Wasm module has an invalid export section. {message}"));
    let mut exports = BTreeSet::new();
    let mut methods = BTreeSet::new();
    let mut name_bytes = 0;
    for export in module.exports() {
        let name = export.name();
        let ExternType::Func(function) = export.ty() else {
            continue;
        };
        if name == instrument::START {
            continue;
        }
        let method = ["canister_update ", "canister_query ", "canister_composite_query "]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix));
        if let Some(method) = method {
            if !methods.insert(method.to_owned()) {
                return Err(bad(format!(
                    "Duplicate function '{method}' exported multiple times with different call types: update, query, or composite_query."
                )));
            }
            name_bytes += method.len();
        } else if name.starts_with("canister_") {
            if !SYSTEM_ENTRIES.contains(&name) {
                return Err(bad(format!(
                    "Exporting reserved function '{name}' with \"canister_\" prefix"
                )));
            }
        } else {
            continue;
        }
        if function.params().len() + function.results().len() > 0 {
            return Err(invalid(format!(
                "Wasm module has an invalid function signature. '{name}' must take and return nothing"
            )));
        }
        exports.insert(name.to_owned());
    }
    if methods.len() > MAX_METHODS || name_bytes > MAX_METHOD_NAMES {
        return Err(bad(format!(
            "More than {MAX_METHODS} methods, or more than {MAX_METHOD_NAMES} bytes of names"
        )));
    }
    Ok(exports)
}

fn custom_sections(shape: &Shape) -> Result<Vec<CustomSection>, InstallError> {
    let bad = |message: String| invalid(format!("Wasm module has an invalid custom section. {message}"));
    let mut sections: Vec<CustomSection> = Vec::new();
    for (name, content) in &shape.custom {
        let Some(rest) = name.strip_prefix("icp:") else {
            continue;
        };
        let (visibility, name) = match rest.split_once(' ') {
            Some(("public", name)) => (Visibility::Public, name),
            Some(("private", name)) => (Visibility::Private, name),
            _ => return Err(bad(format!("Invalid custom section: {name}"))),
        };
        if sections.iter().any(|s| s.name == name) {
            return Err(bad(format!("Invalid custom section: name {name} already exists")));
        }
        sections.push(CustomSection {
            name: name.to_owned(),
            visibility,
            content: content.clone(),
        });
    }
    if sections.len() > MAX_CUSTOM_SECTIONS {
        return Err(bad(format!("Invalid custom sections: more than {MAX_CUSTOM_SECTIONS}")));
    }
    let bytes: usize = sections.iter().map(|s| s.name.len() + s.content.len()).sum();
    if bytes > MAX_CUSTOM_BYTES {
        return Err(bad(format!(
            "Invalid custom sections: total size of the custom sections exceeds {MAX_CUSTOM_BYTES}"
        )));
    }
    sections.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(sections)
}
