//! A canister that passes calls on with cycles: a user has none to send along. Its module is put together here, since none of the workspace's canisters
//! does that.

use candid::utils::ArgumentEncoder;
use candid::{CandidType, Principal};
use ddsx_tests::{World, user};
use serde::de::DeserializeOwned;

const I32: u8 = 0x7f;
const I64: u8 = 0x7e;
const CALL: u8 = 0x10;
const CONST: u8 = 0x41;
const END: u8 = 0x0b;

/// An unsigned number below 2^14, as WebAssembly writes it.
fn number(value: usize) -> Vec<u8> {
    let low = u8::try_from(value & 0x7f).unwrap();
    match u8::try_from(value >> 7).unwrap() {
        0 => vec![low],
        high => vec![low | 0x80, high],
    }
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [number(bytes.len()), bytes.to_vec()].concat()
}

fn section(id: u8, entries: &[Vec<u8>]) -> Vec<u8> {
    let body = [number(entries.len()), entries.concat()].concat();
    [vec![id], with_length(&body)].concat()
}

fn function_type(parameters: &[u8], results: &[u8]) -> Vec<u8> {
    [vec![0x60], with_length(parameters), with_length(results)].concat()
}

fn import(name: &str, function_type: u8) -> Vec<u8> {
    [
        with_length(b"ic0"),
        with_length(name.as_bytes()),
        vec![0, function_type],
    ]
    .concat()
}

/// A function without locals.
fn function(code: &[&[u8]]) -> Vec<u8> {
    with_length(&[vec![0], code.concat(), vec![END]].concat())
}

// Where an argument has what: the callee, the cycles, the length of the method's name, the name; the rest is passed on.
const CALLEE: usize = 10;
const NAME_LENGTH: u8 = 18;
const NAME: u8 = 19;

/// The module: `forward` calls on, and the answer is passed back; a reject becomes a trap.
fn module() -> Vec<u8> {
    const LENGTH_OF_NAME: &[u8] = &[CONST, NAME_LENGTH, 0x2d, 0, 0];
    const ARGUMENT_SIZE: &[u8] = &[CALL, 0];
    // msg_arg_data_copy(0, 0, size)
    const TAKE_ARGUMENT: &[u8] = &[CONST, 0, CONST, 0, CALL, 0, CALL, 1];
    let forward = function(&[
        TAKE_ARGUMENT,
        // call_new(callee, name, reply = table[0], reject = table[1])
        &[CONST, 0, CONST, 10, CONST, NAME],
        LENGTH_OF_NAME,
        &[CONST, 0, CONST, 0, CONST, 1, CONST, 0, CALL, 2],
        // call_data_append(name's end, size - name's end)
        &[CONST, NAME],
        LENGTH_OF_NAME,
        &[0x6a],
        ARGUMENT_SIZE,
        &[CONST, NAME, 0x6b],
        LENGTH_OF_NAME,
        &[0x6b, CALL, 3],
        // call_cycles_add128(0, cycles)
        &[0x42, 0, CONST, 10, 0x29, 0, 0, CALL, 4],
        // A call that cannot be sent is a trap.
        &[CALL, 5, 0x04, 0x40, 0x00, END],
    ]);
    // msg_reply_data_append(0, size), msg_reply()
    let reply = function(&[TAKE_ARGUMENT, &[CONST, 0], ARGUMENT_SIZE, &[CALL, 6, CALL, 7]]);
    let reject = function(&[&[0x00]]);
    [
        b"\0asm\x01\0\0\0".to_vec(),
        section(
            1,
            &[
                function_type(&[], &[]),
                function_type(&[], &[I32]),
                function_type(&[I32; 3], &[]),
                function_type(&[I32; 8], &[]),
                function_type(&[I32; 2], &[]),
                function_type(&[I64; 2], &[]),
                function_type(&[I32], &[]),
            ],
        ),
        section(
            2,
            &[
                import("msg_arg_data_size", 1),
                import("msg_arg_data_copy", 2),
                import("call_new", 3),
                import("call_data_append", 4),
                import("call_cycles_add128", 5),
                import("call_perform", 1),
                import("msg_reply_data_append", 4),
                import("msg_reply", 0),
            ],
        ),
        // Functions 8, 9 and 10, the callbacks with their environments; a table for these; two pages of memory.
        section(3, &[vec![0], vec![6], vec![6]]),
        section(4, &[vec![0x70, 0, 2]]),
        section(5, &[vec![0, 2]]),
        section(7, &[[with_length(b"canister_update forward"), vec![0, 8]].concat()]),
        section(9, &[vec![0, CONST, 0, END, 2, 9, 10]]),
        section(10, &[forward, reply, reject]),
    ]
    .concat()
}

/// A canister with cycles that calls whatever it is told to.
pub struct Proxy<'w> {
    world: &'w World,
    pub id: Principal,
}

impl<'w> Proxy<'w> {
    pub fn install(world: &'w World) -> Self {
        let id = world.create();
        world.install_module_at(id, module(), ());
        Self { world, id }
    }

    /// Calls a canister's method with so many cycles.
    pub fn call<A: ArgumentEncoder, R: CandidType + DeserializeOwned>(
        &self,
        callee: Principal,
        method: &str,
        cycles: u64,
        args: A,
    ) -> R {
        assert_eq!(callee.as_slice().len(), CALLEE);
        let argument = [
            callee.as_slice(),
            &cycles.to_le_bytes(),
            &[u8::try_from(method.len()).unwrap()],
            method.as_bytes(),
            &candid::encode_args(args).unwrap(),
        ]
        .concat();
        let reply = self.world.pic.update_call(self.id, user(1), "forward", argument);
        candid::decode_one(&reply.unwrap()).unwrap()
    }
}
