//! Programs for the universal test canister (`universal.wat`).
#![allow(clippy::needless_pass_by_value, reason = "programs are written as nested values")]

use candid::Principal;

/// A program: what the canister does, step by step.
#[derive(Clone, Default)]
pub struct Program(Vec<u8>);

/// An empty program.
pub fn program() -> Program {
    Program::default()
}

/// A call that a program makes.
pub struct Call {
    pub callee: Principal,
    pub method: String,
    pub arg: Vec<u8>,
    pub on_reply: Program,
    pub on_reject: Program,
    pub on_cleanup: Program,
    pub cycles: u64,
    pub timeout: u32,
}

/// A call of `run` that passes the answer on: the reply as it is, a reject as its code and text.
pub fn call(callee: Principal, what: Program) -> Call {
    Call {
        callee,
        method: "run".to_owned(),
        arg: what.bytes(),
        on_reply: program().show_arg().reply(),
        on_reject: program().show_reject().reply(),
        on_cleanup: program(),
        cycles: 0,
        timeout: 0,
    }
}

impl Call {
    pub fn method(mut self, method: &str, arg: Vec<u8>) -> Self {
        method.clone_into(&mut self.method);
        self.arg = arg;
        self
    }
    pub fn on_reply(mut self, what: Program) -> Self {
        self.on_reply = what;
        self
    }
    pub fn on_reject(mut self, what: Program) -> Self {
        self.on_reject = what;
        self
    }
    pub fn on_cleanup(mut self, what: Program) -> Self {
        self.on_cleanup = what;
        self
    }
    pub fn cycles(mut self, cycles: u64) -> Self {
        self.cycles = cycles;
        self
    }
    pub fn timeout(mut self, seconds: u32) -> Self {
        self.timeout = seconds;
        self
    }
}

impl Program {
    pub fn bytes(self) -> Vec<u8> {
        self.0
    }
    fn op(mut self, op: u8) -> Self {
        self.0.push(op);
        self
    }
    fn block(mut self, bytes: &[u8]) -> Self {
        self.0
            .extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
        self.0.extend_from_slice(bytes);
        self
    }
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
    pub fn reply(self) -> Self {
        self.op(0x01)
    }
    pub fn show(self, text: &str) -> Self {
        self.op(0x02).block(text.as_bytes())
    }
    pub fn reject(self, text: &str) -> Self {
        self.op(0x03).block(text.as_bytes())
    }
    pub fn trap(self, text: &str) -> Self {
        self.op(0x04).block(text.as_bytes())
    }
    pub fn print(self, text: &str) -> Self {
        self.op(0x05).block(text.as_bytes())
    }
    pub fn forget(self) -> Self {
        self.op(0x06)
    }
    pub fn show_state(self) -> Self {
        self.op(0x07)
    }
    pub fn remember(self, text: &str) -> Self {
        self.op(0x08).block(text.as_bytes())
    }
    pub fn call(self, call: Call) -> Self {
        self.op(0x09)
            .block(call.callee.as_slice())
            .block(call.method.as_bytes())
            .block(&call.arg)
            .block(&call.on_reply.0)
            .block(&call.on_reject.0)
            .block(&call.on_cleanup.0)
            .raw(&call.cycles.to_le_bytes())
            .raw(&call.timeout.to_le_bytes())
    }
    pub fn accept(self, cycles: u64) -> Self {
        self.op(0x0a).raw(&cycles.to_le_bytes())
    }
    pub fn show_balance(self) -> Self {
        self.op(0x0b)
    }
    pub fn show_refunded(self) -> Self {
        self.op(0x0c)
    }
    pub fn show_available(self) -> Self {
        self.op(0x0d)
    }
    pub fn show_arg(self) -> Self {
        self.op(0x0e)
    }
    /// The reject code (4 bytes) and the reject message.
    pub fn show_reject(self) -> Self {
        self.op(0x0f).op(0x10)
    }
    pub fn show_time(self) -> Self {
        self.op(0x11)
    }
    pub fn set_timer(self, time: u64) -> Self {
        self.op(0x12).raw(&time.to_le_bytes())
    }
    pub fn on_heartbeat(self, what: Program) -> Self {
        self.op(0x13).block(&what.0)
    }
    pub fn on_timer(self, what: Program) -> Self {
        self.op(0x14).block(&what.0)
    }
    pub fn show_performed(self) -> Self {
        self.op(0x15)
    }
    pub fn certify(self, text: &str) -> Self {
        self.op(0x16).block(text.as_bytes())
    }
    pub fn show_deadline(self) -> Self {
        self.op(0x17)
    }
    pub fn write_stable(self, text: &str) -> Self {
        self.op(0x18).block(text.as_bytes())
    }
    pub fn show_stable(self) -> Self {
        self.op(0x19)
    }
    pub fn burn(self, cycles: u64) -> Self {
        self.op(0x1a).raw(&cycles.to_le_bytes())
    }
    pub fn show_caller(self) -> Self {
        self.op(0x1b)
    }
    pub fn on_pre_upgrade(self, what: Program) -> Self {
        self.op(0x1c).block(&what.0)
    }
    pub fn on_inspect(self, what: Program) -> Self {
        self.op(0x1d).block(&what.0)
    }
    pub fn repeat(self, times: u32, what: Program) -> Self {
        self.op(0x1e).raw(&times.to_le_bytes()).block(&what.0)
    }
    pub fn show_version(self) -> Self {
        self.op(0x1f)
    }
    pub fn spin(self, times: u64) -> Self {
        self.op(0x20).raw(&times.to_le_bytes())
    }
    pub fn accept_message(self) -> Self {
        self.op(0x21)
    }
    pub fn remember_arg(self) -> Self {
        self.op(0x22)
    }
    pub fn show_variable(self, name: &str) -> Self {
        self.op(0x23).block(name.as_bytes())
    }
    pub fn show_zeros(self, count: u32) -> Self {
        self.op(0x24).raw(&count.to_le_bytes())
    }
}
