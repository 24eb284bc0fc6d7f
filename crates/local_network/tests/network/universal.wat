;; A canister that does what its argument says: a program of one-byte instructions (see program.rs).
;; Globals: $pc where the next instruction is; $top the end of what is allocated; $state and $state_len a buffer that
;; messages share; $heartbeat, $timer, $pre_upgrade, $inspect programs that tasks run (0: none).
(module
  (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
  (import "ic0" "msg_caller_size" (func $caller_size (result i32)))
  (import "ic0" "msg_caller_copy" (func $caller_copy (param i32 i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reject" (func $reject (param i32 i32)))
  (import "ic0" "msg_reject_code" (func $reject_code (result i32)))
  (import "ic0" "msg_reject_msg_size" (func $reject_size (result i32)))
  (import "ic0" "msg_reject_msg_copy" (func $reject_copy (param i32 i32 i32)))
  (import "ic0" "msg_deadline" (func $deadline (result i64)))
  (import "ic0" "trap" (func $trap (param i32 i32)))
  (import "ic0" "debug_print" (func $print (param i32 i32)))
  (import "ic0" "time" (func $time (result i64)))
  (import "ic0" "canister_version" (func $version (result i64)))
  (import "ic0" "global_timer_set" (func $timer_set (param i64) (result i64)))
  (import "ic0" "certified_data_set" (func $certify (param i32 i32)))
  (import "ic0" "accept_message" (func $accept_message))
  (import "ic0" "canister_cycle_balance128" (func $balance (param i32)))
  (import "ic0" "msg_cycles_available128" (func $available (param i32)))
  (import "ic0" "msg_cycles_refunded128" (func $refunded (param i32)))
  (import "ic0" "msg_cycles_accept128" (func $accept (param i64 i64 i32)))
  (import "ic0" "cycles_burn128" (func $burn (param i64 i64 i32)))
  (import "ic0" "stable64_size" (func $stable_size (result i64)))
  (import "ic0" "stable64_grow" (func $stable_grow (param i64) (result i64)))
  (import "ic0" "stable64_read" (func $stable_read (param i64 i64 i64)))
  (import "ic0" "stable64_write" (func $stable_write (param i64 i64 i64)))
  (import "ic0" "env_var_value_size" (func $env_size (param i32 i32) (result i32)))
  (import "ic0" "env_var_value_copy" (func $env_copy (param i32 i32 i32 i32 i32)))
  (import "ic0" "call_new" (func $call_new (param i32 i32 i32 i32 i32 i32 i32 i32)))
  (import "ic0" "call_on_cleanup" (func $call_on_cleanup (param i32 i32)))
  (import "ic0" "call_data_append" (func $call_data (param i32 i32)))
  (import "ic0" "call_cycles_add128" (func $call_cycles (param i64 i64)))
  (import "ic0" "call_with_best_effort_response" (func $call_timeout (param i32)))
  (import "ic0" "call_perform" (func $call_perform (result i32)))
  (memory 256)
  (table 2 funcref)
  (elem (i32.const 0) func $callback $callback)
  (global $pc (mut i32) (i32.const 0))
  (global $top (mut i32) (i32.const 0x100000))
  (global $state_len (mut i32) (i32.const 0))
  (global $last (mut i32) (i32.const 0))
  (global $heartbeat (mut i32) (i32.const 0))
  (global $timer (mut i32) (i32.const 0))
  (global $pre_upgrade (mut i32) (i32.const 0))
  (global $inspect (mut i32) (i32.const 0))
  ;; $state is the 512 KiB from 0x80000; 0 to 63 is scratch.

  (func $u32 (result i32)
    (i32.load (global.get $pc))
    (global.set $pc (i32.add (global.get $pc) (i32.const 4))))
  (func $u64 (result i64)
    (i64.load (global.get $pc))
    (global.set $pc (i32.add (global.get $pc) (i32.const 8))))
  ;; Skips a block (length, bytes) and returns its address.
  (func $block (result i32) (local $at i32)
    (local.set $at (global.get $pc))
    (global.set $pc (i32.add (i32.add (global.get $pc) (i32.const 4)) (i32.load (local.get $at))))
    (local.get $at))
  (func $ptr (param $block i32) (result i32) (i32.add (local.get $block) (i32.const 4)))
  (func $len (param $block i32) (result i32) (i32.load (local.get $block)))
  ;; Copies the argument into a block of its own.
  (func $arg (result i32) (local $at i32)
    (local.set $at (global.get $top))
    (i32.store (local.get $at) (call $arg_size))
    (call $arg_copy (call $ptr (local.get $at)) (i32.const 0) (call $arg_size))
    (global.set $top (i32.add (i32.and (i32.add (call $ptr (local.get $at)) (call $arg_size)) (i32.const -8)) (i32.const 16)))
    (local.get $at))
  (func $remember (param $ptr i32) (param $len i32)
    (memory.copy (i32.add (i32.const 0x80000) (global.get $state_len)) (local.get $ptr) (local.get $len))
    (global.set $state_len (i32.add (global.get $state_len) (local.get $len))))
  (func $show64 (param i64) (i64.store (i32.const 0) (local.get 0)) (call $append (i32.const 0) (i32.const 8)))
  (func $show32 (param i32) (i32.store (i32.const 0) (local.get 0)) (call $append (i32.const 0) (i32.const 4)))

  (func $run (param $program i32) (local $end i32) (local $op i32) (local $saved i32)
    (local.set $saved (global.get $pc))
    (global.set $pc (call $ptr (local.get $program)))
    (local.set $end (i32.add (global.get $pc) (call $len (local.get $program))))
    (loop $next
      (if (i32.lt_u (global.get $pc) (local.get $end)) (then
        (local.set $op (i32.load8_u (global.get $pc)))
        (global.set $pc (i32.add (global.get $pc) (i32.const 1)))
        (call $step (local.get $op))
        (br $next))))
    (global.set $pc (local.get $saved)))

  (func $call (local $callee i32) (local $method i32) (local $arg i32) (local $reply i32) (local $rejected i32) (local $cleanup i32) (local $timeout i32) (local $cycles i64)
    (local.set $callee (call $block))
    (local.set $method (call $block))
    (local.set $arg (call $block))
    (local.set $reply (call $block))
    (local.set $rejected (call $block))
    (local.set $cleanup (call $block))
    (call $call_new
      (call $ptr (local.get $callee)) (call $len (local.get $callee))
      (call $ptr (local.get $method)) (call $len (local.get $method))
      (i32.const 0) (local.get $reply) (i32.const 1) (local.get $rejected))
    (if (call $len (local.get $cleanup)) (then (call $call_on_cleanup (i32.const 0) (local.get $cleanup))))
    (call $call_data (call $ptr (local.get $arg)) (call $len (local.get $arg)))
    (local.set $cycles (call $u64))
    (if (i64.ne (local.get $cycles) (i64.const 0)) (then (call $call_cycles (i64.const 0) (local.get $cycles))))
    (local.set $timeout (call $u32))
    (if (local.get $timeout) (then (call $call_timeout (local.get $timeout))))
    (global.set $last (call $call_perform)))

  (func $step (param $op i32) (local $b i32) (local $n i32) (local $wide i64)
    (block $done
    (block $24 (block $23 (block $22 (block $21 (block $20 (block $1f (block $1e (block $1d (block $1c (block $1b (block $1a (block $19 (block $18
    (block $17 (block $16 (block $15 (block $14 (block $13 (block $12 (block $11 (block $10 (block $f (block $e (block $d (block $c (block $b_ (block $a
    (block $9 (block $8 (block $7 (block $6 (block $5 (block $4 (block $3 (block $2 (block $1 (block $0
      (br_table $0 $1 $2 $3 $4 $5 $6 $7 $8 $9 $a $b_ $c $d $e $f $10 $11 $12 $13 $14 $15 $16 $17 $18 $19 $1a $1b $1c $1d $1e $1f $20 $21 $22 $23 $24 $0
        (local.get $op)))
      ;; 0 and what is unknown
      (unreachable))
      ;; 1 reply
      (call $reply) (br $done))
      ;; 2 append a block to the reply
      (local.set $b (call $block))
      (call $append (call $ptr (local.get $b)) (call $len (local.get $b))) (br $done))
      ;; 3 reject with a block
      (local.set $b (call $block))
      (call $reject (call $ptr (local.get $b)) (call $len (local.get $b))) (br $done))
      ;; 4 trap with a block
      (local.set $b (call $block))
      (call $trap (call $ptr (local.get $b)) (call $len (local.get $b))) (br $done))
      ;; 5 print a block
      (local.set $b (call $block))
      (call $print (call $ptr (local.get $b)) (call $len (local.get $b))) (br $done))
      ;; 6 clear the state
      (global.set $state_len (i32.const 0)) (br $done))
      ;; 7 append the state to the reply
      (call $append (i32.const 0x80000) (global.get $state_len)) (br $done))
      ;; 8 append a block to the state
      (local.set $b (call $block))
      (call $remember (call $ptr (local.get $b)) (call $len (local.get $b))) (br $done))
      ;; 9 call
      (call $call) (br $done))
      ;; a accept cycles
      (call $accept (i64.const 0) (call $u64) (i32.const 16)) (br $done))
      ;; b append the balance
      (call $balance (i32.const 0)) (call $append (i32.const 0) (i32.const 16)) (br $done))
      ;; c append the refunded cycles
      (call $refunded (i32.const 0)) (call $append (i32.const 0) (i32.const 16)) (br $done))
      ;; d append the available cycles
      (call $available (i32.const 0)) (call $append (i32.const 0) (i32.const 16)) (br $done))
      ;; e append the argument, or the reply that a callback got
      (local.set $b (call $arg))
      (call $append (call $ptr (local.get $b)) (call $len (local.get $b))) (br $done))
      ;; f append the reject code
      (call $show32 (call $reject_code)) (br $done))
      ;; 10 append the reject message
      (local.set $n (call $reject_size))
      (call $reject_copy (global.get $top) (i32.const 0) (local.get $n))
      (call $append (global.get $top) (local.get $n)) (br $done))
      ;; 11 append the time
      (call $show64 (call $time)) (br $done))
      ;; 12 set the global timer
      (drop (call $timer_set (call $u64))) (br $done))
      ;; 13 what the heartbeat runs
      (global.set $heartbeat (call $block)) (br $done))
      ;; 14 what the timer runs
      (global.set $timer (call $block)) (br $done))
      ;; 15 append the result of the last call_perform
      (call $show32 (global.get $last)) (br $done))
      ;; 16 certify a block
      (local.set $b (call $block))
      (call $certify (call $ptr (local.get $b)) (call $len (local.get $b))) (br $done))
      ;; 17 append the deadline
      (call $show64 (call $deadline)) (br $done))
      ;; 18 write a block to stable memory
      (local.set $b (call $block))
      (if (i64.eqz (call $stable_size)) (then (drop (call $stable_grow (i64.const 1)))))
      (call $stable_write (i64.const 0) (i64.extend_i32_u (local.get $b)) (i64.extend_i32_u (i32.add (i32.const 4) (call $len (local.get $b)))))
      (br $done))
      ;; 19 append what was written to stable memory
      (call $show_stable) (br $done))
      ;; 1a burn cycles
      (call $burn (i64.const 0) (call $u64) (i32.const 16)) (br $done))
      ;; 1b append the caller
      (call $caller_copy (i32.const 0) (i32.const 0) (call $caller_size))
      (call $append (i32.const 0) (call $caller_size)) (br $done))
      ;; 1c what runs before an upgrade
      (global.set $pre_upgrade (call $block)) (br $done))
      ;; 1d what inspects ingress messages
      (global.set $inspect (call $block)) (br $done))
      ;; 1e run a block so many times
      (local.set $n (call $u32))
      (local.set $b (call $block))
      (block $out (loop $again
        (br_if $out (i32.eqz (local.get $n)))
        (call $run (local.get $b))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (br $again)))
      (br $done))
      ;; 1f append the canister's version
      (call $show64 (call $version)) (br $done))
      ;; 20 spin
      (local.set $wide (call $u64))
      (block $out (loop $again
        (br_if $out (i64.eqz (local.get $wide)))
        (local.set $wide (i64.sub (local.get $wide) (i64.const 1)))
        (br $again)))
      (br $done))
      ;; 21 accept the ingress message
      (call $accept_message) (br $done))
      ;; 22 append the argument, or the reply that a callback got, to the state
      (local.set $b (call $arg))
      (call $remember (call $ptr (local.get $b)) (call $len (local.get $b))) (br $done))
      ;; 23 append an environment variable
      (local.set $b (call $block))
      (local.set $n (call $env_size (call $ptr (local.get $b)) (call $len (local.get $b))))
      (call $env_copy (call $ptr (local.get $b)) (call $len (local.get $b)) (global.get $top) (i32.const 0) (local.get $n))
      (call $append (global.get $top) (local.get $n)) (br $done))
      ;; 24 append as many zeros
      (local.set $n (call $u32))
      (memory.fill (global.get $top) (i32.const 0) (local.get $n))
      (call $append (global.get $top) (local.get $n))))

  (func $show_stable (local $n i64)
    (if (i64.ne (call $stable_size) (i64.const 0)) (then
      (call $stable_read (i64.const 0) (i64.const 0) (i64.const 4))
      (local.set $n (i64.extend_i32_u (i32.load (i32.const 0))))
      (call $stable_read (i64.extend_i32_u (global.get $top)) (i64.const 4) (local.get $n))
      (call $append (global.get $top) (i32.wrap_i64 (local.get $n))))))

  ;; An upgrade clears the heap and the programs in it: what was written to stable memory is then the answer.
  (func $callback (param $program i32)
    (if (call $len (local.get $program))
      (then (call $run (local.get $program)))
      (else (if (i32.ge_u (local.get $program) (global.get $top)) (then (call $show_stable) (call $reply))))))

  (func $task (param $program i32) (if (local.get $program) (then (call $run (local.get $program)))))

  (func (export "canister_init") (call $run (call $arg)))
  (func (export "canister_post_upgrade") (call $run (call $arg)))
  (func (export "canister_pre_upgrade") (call $task (global.get $pre_upgrade)))
  (func (export "canister_heartbeat") (call $task (global.get $heartbeat)))
  (func (export "canister_global_timer") (call $task (global.get $timer)))
  (func (export "canister_inspect_message")
    (if (global.get $inspect) (then (call $run (global.get $inspect))) (else (call $accept_message))))
  (func (export "canister_update run") (call $run (call $arg)))
  (func (export "canister_query ask") (call $run (call $arg)))
  (func (export "canister_composite_query compose") (call $run (call $arg)))
)
