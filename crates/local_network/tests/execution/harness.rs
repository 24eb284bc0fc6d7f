//! A canister that a test talks to directly.

use std::sync::Arc;

use candid::Principal;
use local_network::execution::{
    CanisterMemory, Closure, Entry, Environment, InstallMode, MessageInput, MessageOutput, Module, Response, Trap,
    compile, install, run, run_query,
};

/// The time that messages see.
pub const TIME: u64 = 1_620_328_630_000_000_000;
/// The balance that messages start with.
pub const BALANCE: u128 = 100_000_000_000_000;

/// The caller of all messages.
pub fn caller() -> Principal {
    Principal::from_slice(&[7; 29])
}

/// The controller of all canisters.
pub fn controller() -> Principal {
    Principal::from_slice(&[9; 10])
}

/// A canister.
pub struct Canister {
    pub module: Arc<Module>,
    pub memory: CanisterMemory,
    /// Template of the messages.
    pub input: MessageInput,
    pub installed: MessageOutput,
}

/// The template of all messages.
pub fn template() -> MessageInput {
    MessageInput {
        entry: Entry::Heartbeat,
        caller: caller(),
        env: Arc::new(Environment {
            canister_id: Principal::from_slice(&[0, 0, 0, 0, 0, 0, 0, 5, 1, 1]),
            controllers: vec![controller()],
            canister_version: 3,
            canister_status: 1,
            env_vars: vec![("COLOUR".into(), "blue".into()), ("SIZE".into(), "9".into())],
            subnet_id: Principal::from_slice(&[8; 29]),
            subnet_nodes: 13,
            root_key: b"root key".to_vec(),
            time: TIME,
            global_timer: 0,
            wasm_memory_limit: 0,
            freezing_threshold_cycles: 1_000_000,
            charges: true,
        }),
        replicated: true,
        balance: BALANCE,
        cycles_available: 0,
        deadline: 0,
        already_responded: false,
        instruction_limit: 40_000_000_000,
        context_instructions: 0,
        data_certificate: None,
        queue_room: None,
    }
}

/// Wasm from its text.
pub fn wasm(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

impl Canister {
    /// Installs a module given as text.
    pub fn new(wat: &str) -> Self {
        Self::with_argument(wat, vec![])
    }

    pub fn with_argument(wat: &str, arg: Vec<u8>) -> Self {
        let module = compile(&wasm(wat)).unwrap();
        let input = template();
        let (installed, memory) = install(InstallMode::Install, None, &module, arg, &input);
        assert_eq!(installed.result, Ok(()));
        Self {
            module,
            memory: memory.unwrap(),
            input,
            installed,
        }
    }

    /// Changes the environment.
    pub fn set(&mut self, change: impl FnOnce(&mut Environment)) {
        let mut env = (*self.input.env).clone();
        change(&mut env);
        self.input.env = Arc::new(env);
    }

    /// Runs an entry.
    pub fn enter(&mut self, entry: Entry) -> MessageOutput {
        let input = MessageInput {
            entry,
            ..self.input.clone()
        };
        run(&self.module, &mut self.memory, &input)
    }

    /// Runs an update method.
    pub fn update(&mut self, method: &str, arg: &[u8]) -> MessageOutput {
        self.enter(Entry::Update {
            method: method.into(),
            arg: arg.to_vec(),
        })
    }

    /// Runs a query method, not replicated.
    pub fn query(&self, method: &str, arg: &[u8]) -> MessageOutput {
        let entry = Entry::Query {
            method: method.into(),
            arg: arg.to_vec(),
        };
        let input = MessageInput {
            entry,
            replicated: false,
            instruction_limit: 5_000_000_000,
            ..self.input.clone()
        };
        run_query(&self.module, &self.memory, &input)
    }

    /// Upgrades to another module.
    pub fn upgrade(&mut self, wat: &str, skip_pre_upgrade: bool, keep_main_memory: bool) -> MessageOutput {
        let module = compile(&wasm(wat)).unwrap();
        let mode = InstallMode::Upgrade {
            skip_pre_upgrade,
            keep_main_memory,
        };
        let (output, memory) = install(mode, Some((&self.module, &self.memory)), &module, vec![], &self.input);
        assert_eq!(output.result.is_ok(), memory.is_some());
        if let Some(memory) = memory {
            self.memory = memory;
            self.module = module;
        }
        output
    }
}

/// The reply's bytes.
pub fn reply(output: &MessageOutput) -> Vec<u8> {
    assert_eq!(output.result, Ok(()));
    match &output.response {
        Some(Response::Reply(bytes)) => bytes.clone(),
        other => panic!("no reply: {other:?}"),
    }
}

/// The reply as a number.
pub fn number(output: &MessageOutput) -> u64 {
    let bytes = reply(output);
    let mut padded = [0; 8];
    padded[..bytes.len()].copy_from_slice(&bytes);
    u64::from_le_bytes(padded)
}

/// The reason for which the message failed.
pub fn trap(output: &MessageOutput) -> Trap {
    output.result.clone().expect_err("the message should have failed")
}

/// A reply callback's entry.
pub fn reply_entry(fun: u32, env: u32, reply: &[u8], refunded: u128) -> Entry {
    Entry::Reply {
        callback: Closure { fun, env },
        reply: reply.to_vec(),
        refunded,
        composite: false,
    }
}

/// A reject callback's entry.
pub fn reject_entry(fun: u32, env: u32, code: u32, message: &str) -> Entry {
    Entry::Reject {
        callback: Closure { fun, env },
        code,
        message: message.into(),
        refunded: 0,
        composite: false,
    }
}

/// Wraps functions into a module that imports what nearly every canister needs: `$size`, `$copy` (argument),
/// `$append`, `$reply`, `$trap`; and helpers `$answer (value i64)` and `$answer_bytes (at i32) (size i32)`.
pub fn module(imports: &str, body: &str) -> String {
    format!(
        r#"(module
        (import "ic0" "msg_arg_data_size" (func $size (result i32)))
        (import "ic0" "msg_arg_data_copy" (func $copy (param i32 i32 i32)))
        (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
        (import "ic0" "msg_reply" (func $reply))
        (import "ic0" "trap" (func $trap (param i32 i32)))
        {imports}
        (memory 2)
        (func $answer (param i64)
          (i64.store (i32.const 65000) (local.get 0))
          (call $append (i32.const 65000) (i32.const 8))
          (call $reply))
        (func $answer_bytes (param i32 i32)
          (call $append (local.get 0) (local.get 1))
          (call $reply))
        {body})"#
    )
}
