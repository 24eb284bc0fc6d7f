//! Installing a module as one transaction.
//!
//! Interface specification: *IC method `install_code`*: `canister_pre_upgrade` of the old module, the start function
//! and `canister_init` or `canister_post_upgrade` of the new one; if any of them fails, nothing has happened.

use std::sync::Arc;

use super::interface::{Entry, InstallMode, MessageInput, MessageOutput};
use super::run::{Target, enter, fail, run, unchanged};
use super::{CanisterMemory, Module, instrument};
use crate::ic0::fault::Fault;
use crate::ic0::mode;

/// Installs `new`. `input` is a template: its entry is ignored, its instruction limit holds for all steps together.
///
/// The old memory is never touched. There is a new memory exactly if the installation succeeded. What the output says
/// of certified data, timer, balance and printed lines is the effect of all steps.
pub fn install(
    mode: InstallMode,
    old: Option<(&Arc<Module>, &CanisterMemory)>,
    new: &Arc<Module>,
    arg: Vec<u8>,
    input: &MessageInput,
) -> (MessageOutput, Option<CanisterMemory>) {
    let mut steps = Steps {
        input: input.clone(),
        total: unchanged(input, Ok(()), 0),
    };
    match steps.run(mode, old, new, arg) {
        Ok(memory) => (steps.total, Some(memory)),
        Err(trap) => {
            fail(&mut steps.total, input, trap);
            // `fail` adds the line that the failing step has added already.
            steps.total.logs.pop();
            (steps.total, None)
        }
    }
}

struct Steps {
    input: MessageInput,
    total: MessageOutput,
}

impl Steps {
    fn run(
        &mut self,
        mode: InstallMode,
        old: Option<(&Arc<Module>, &CanisterMemory)>,
        new: &Arc<Module>,
        arg: Vec<u8>,
    ) -> Result<CanisterMemory, super::interface::Trap> {
        let engine_fault = |e: std::io::Error| Fault::Engine(e.to_string()).into_trap(None);
        let mut memory = new.initial_memory().map_err(engine_fault)?;
        let upgrade = match (mode, old) {
            (
                InstallMode::Upgrade {
                    skip_pre_upgrade,
                    keep_main_memory,
                },
                Some((module, before)),
            ) => {
                let mut before = before.fork();
                if !skip_pre_upgrade {
                    self.input.entry = Entry::PreUpgrade;
                    let output = run(module, &mut before, &self.input);
                    self.add(output)?;
                }
                memory.stable = before.stable;
                if keep_main_memory {
                    let least = memory.heap.size();
                    memory.heap = before.heap;
                    memory.heap.grow_to(least);
                }
                true
            }
            _ => false,
        };
        self.input.entry = if upgrade {
            Entry::PostUpgrade { arg }
        } else {
            Entry::Init { arg }
        };
        if new.shape().start {
            let start = Target::Export(instrument::START.to_owned());
            let (output, changes) = enter(new, &memory, &self.input, mode::START, &start, true);
            if let Some(changes) = changes {
                memory.apply(changes).map_err(engine_fault)?;
            }
            self.add(output)?;
        }
        let output = run(new, &mut memory, &self.input);
        self.add(output)?;
        Ok(memory)
    }

    /// Adds a step's effects to the total; the next step starts from there.
    fn add(&mut self, step: MessageOutput) -> Result<(), super::interface::Trap> {
        let total = &mut self.total;
        total.instructions += step.instructions;
        total.dirty_heap_pages += step.dirty_heap_pages;
        total.dirty_stable_pages += step.dirty_stable_pages;
        total.logs.extend(step.logs);
        step.result?;
        total.balance = step.balance;
        total.cycles_burned += step.cycles_burned;
        total.certified_data = step.certified_data.or(total.certified_data.take());
        total.global_timer = step.global_timer.or(total.global_timer);
        self.input.balance = step.balance;
        self.input.instruction_limit -= step.instructions;
        if step.global_timer.is_some() {
            let mut env = (*self.input.env).clone();
            env.global_timer = total.global_timer.unwrap_or(0);
            self.input.env = Arc::new(env);
        }
        Ok(())
    }
}
