//! What every Wasm operator and every System API call costs, in instructions.
//!
//! Interface specification: *Performance counter*; the numbers are those of `90-platform-facts.md`. Wasm operators are
//! counted by wasmtime as fuel, one unit an instruction; the System API charges its own costs in [`crate::ic0`].

use wasmtime::OperatorCost;

/// Instructions for a page of 4 KiB that a message dirties.
pub const DIRTY_PAGE: u64 = 1_000;

/// Fixed costs of System API calls.
pub mod system {
    /// Whatever has no cost of its own.
    pub const DEFAULT: u64 = 500;
    /// `call_new`.
    pub const CALL_NEW: u64 = 1_500;
    /// `call_perform`.
    pub const CALL_PERFORM: u64 = 5_000;
    /// `is_controller`.
    pub const IS_CONTROLLER: u64 = 1_000;
    /// `performance_counter`.
    pub const PERFORMANCE_COUNTER: u64 = 200;
    /// `debug_print`.
    pub const DEBUG_PRINT: u64 = 100;
    /// `cost_http_request_v2`.
    pub const COST_HTTP_REQUEST_V2: u64 = 10_000;
    /// `stable_read`, `stable_write` and their 64-bit twins.
    pub const STABLE_ACCESS: u64 = 20;
    /// `stable_grow` and `stable64_grow`.
    pub const STABLE_GROW: u64 = 100;
    /// `stable_size` and `stable64_size`.
    pub const STABLE_SIZE: u64 = 20;
    /// For each byte that leaves the canister: replies, rejects, call arguments, printed text.
    pub const BYTE_SENT: u64 = 50;
    /// For each byte copied otherwise.
    pub const BYTE_COPIED: u64 = 1;
}

/// The cost of each operator.
///
/// `memory.grow` and its like cost 300 on mainnet; the table's fields hold at most 255.
pub fn operator_cost() -> OperatorCost {
    let rare = u8::MAX;
    OperatorCost {
        Nop: 1,
        Drop: 1,
        Unreachable: 1,
        Return: 1,
        Block: 0,
        Loop: 0,
        Else: 0,
        End: 0,
        If: 2,
        Br: 2,
        BrIf: 2,
        BrTable: 2,
        GlobalGet: 2,
        GlobalSet: 2,
        Call: 5,
        CallIndirect: 10,
        ReturnCall: 3,
        ReturnCallIndirect: 6,
        I32DivS: 10,
        I32DivU: 10,
        I32RemS: 10,
        I32RemU: 10,
        I64DivS: 10,
        I64DivU: 10,
        I64RemS: 10,
        I64RemU: 10,
        F32Add: 2,
        F32Sub: 2,
        F32Mul: 2,
        F32Ceil: 2,
        F32Floor: 2,
        F32Trunc: 2,
        F32Nearest: 2,
        F64Add: 2,
        F64Sub: 2,
        F64Mul: 2,
        F64Ceil: 2,
        F64Floor: 2,
        F64Trunc: 2,
        F64Nearest: 2,
        F32Eq: 3,
        F32Ne: 3,
        F32Lt: 3,
        F32Gt: 3,
        F32Le: 3,
        F32Ge: 3,
        F64Eq: 3,
        F64Ne: 3,
        F64Lt: 3,
        F64Gt: 3,
        F64Le: 3,
        F64Ge: 3,
        F32Div: 3,
        F64Div: 5,
        F32Sqrt: 5,
        F64Sqrt: 8,
        F32Min: 18,
        F32Max: 18,
        F64Min: 18,
        F64Max: 18,
        F32Copysign: 2,
        F64Copysign: 3,
        F32ConvertI32S: 3,
        F32ConvertI64S: 3,
        F64ConvertI32S: 3,
        F64ConvertI64S: 3,
        F32ConvertI32U: 16,
        F32ConvertI64U: 16,
        F64ConvertI32U: 16,
        F64ConvertI64U: 16,
        I32TruncF32S: 20,
        I32TruncF32U: 20,
        I32TruncF64S: 20,
        I32TruncF64U: 20,
        I64TruncF32S: 20,
        I64TruncF32U: 20,
        I64TruncF64S: 20,
        I64TruncF64U: 20,
        I32TruncSatF32S: 20,
        I32TruncSatF32U: 20,
        I32TruncSatF64S: 20,
        I32TruncSatF64U: 20,
        I64TruncSatF32S: 20,
        I64TruncSatF32U: 20,
        I64TruncSatF64S: 20,
        I64TruncSatF64U: 20,
        TableGet: 5,
        TableSet: 5,
        RefIsNull: 5,
        RefFunc: 130,
        MemoryGrow: rare,
        TableGrow: rare,
        DataDrop: rare,
        ElemDrop: rare,
        MemorySize: 20,
        TableSize: 100,
        MemoryCopy: 100,
        MemoryFill: 100,
        MemoryInit: 100,
        TableCopy: 100,
        TableFill: 100,
        TableInit: 100,
        F32x4Add: 2,
        F32x4Sub: 2,
        F32x4Mul: 2,
        F32x4Abs: 2,
        F32x4Neg: 2,
        F32x4Ceil: 2,
        F32x4Floor: 2,
        F32x4Trunc: 2,
        F32x4Nearest: 2,
        F64x2Add: 2,
        F64x2Sub: 2,
        F64x2Mul: 2,
        F64x2Abs: 2,
        F64x2Neg: 2,
        F64x2Ceil: 2,
        F64x2Floor: 2,
        F64x2Trunc: 2,
        F64x2Nearest: 2,
        F32x4Div: 10,
        F32x4Sqrt: 5,
        F32x4Min: 4,
        F32x4Max: 4,
        F64x2Div: 12,
        F64x2Sqrt: 14,
        F64x2Min: 4,
        F64x2Max: 5,
        I32x4Mul: 2,
        I64x2Mul: 4,
        I8x16Shuffle: 3,
        I8x16Shl: 3,
        I8x16ShrS: 3,
        I8x16ShrU: 2,
        I16x8Shl: 2,
        I16x8ShrS: 2,
        I16x8ShrU: 2,
        I32x4Shl: 2,
        I32x4ShrS: 2,
        I32x4ShrU: 2,
        I64x2Shl: 2,
        I64x2ShrS: 3,
        I64x2ShrU: 2,
        I8x16LtU: 2,
        I8x16GtU: 2,
        I16x8LtU: 2,
        I16x8GtU: 2,
        I32x4LtU: 2,
        I32x4GtU: 2,
        I32x4TruncSatF32x4S: 2,
        I32x4TruncSatF32x4U: 4,
        F32x4ConvertI32x4S: 1,
        F32x4ConvertI32x4U: 4,
        I16x8ExtMulLowI8x16S: 2,
        I16x8ExtMulHighI8x16S: 2,
        I16x8ExtMulLowI8x16U: 2,
        I16x8ExtMulHighI8x16U: 2,
        I32x4ExtMulLowI16x8S: 2,
        I32x4ExtMulHighI16x8S: 2,
        I32x4ExtMulLowI16x8U: 2,
        I32x4ExtMulHighI16x8U: 2,
        I64x2ExtMulLowI32x4S: 2,
        I64x2ExtMulHighI32x4S: 2,
        I64x2ExtMulLowI32x4U: 2,
        I64x2ExtMulHighI32x4U: 2,
        I8x16Popcnt: 3,
        ..OperatorCost::new()
    }
}
