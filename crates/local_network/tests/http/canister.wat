;; What the tests of the HTTPS interface call.
(module
  (import "ic0" "msg_arg_data_size" (func $arg_size (result i32)))
  (import "ic0" "msg_arg_data_copy" (func $arg_copy (param i32 i32 i32)))
  (import "ic0" "msg_caller_size" (func $caller_size (result i32)))
  (import "ic0" "msg_caller_copy" (func $caller_copy (param i32 i32 i32)))
  (import "ic0" "msg_reply" (func $reply))
  (import "ic0" "msg_reply_data_append" (func $append (param i32 i32)))
  (import "ic0" "msg_reject" (func $reject (param i32 i32)))
  (import "ic0" "msg_method_name_size" (func $method_size (result i32)))
  (import "ic0" "msg_method_name_copy" (func $method_copy (param i32 i32 i32)))
  (import "ic0" "accept_message" (func $accept))
  (import "ic0" "certified_data_set" (func $certify (param i32 i32)))
  (import "ic0" "data_certificate_present" (func $certificate_present (result i32)))
  (import "ic0" "data_certificate_size" (func $certificate_size (result i32)))
  (import "ic0" "data_certificate_copy" (func $certificate_copy (param i32 i32 i32)))
  (import "ic0" "time" (func $time (result i64)))
  (import "ic0" "trap" (func $trap (param i32 i32)))
  (memory 4)
  (global $count (mut i64) (i64.const 0))
  (global $beats (mut i64) (i64.const 0))
  (data (i32.const 0) "no, thanks")
  (data (i32.const 16) "on purpose")
  (data (i32.const 32) "refused\00")

  ;; Replies with the argument.
  (func $echo
    (call $arg_copy (i32.const 1024) (i32.const 0) (call $arg_size))
    (call $append (i32.const 1024) (call $arg_size))
    (call $reply))
  (export "canister_query echo" (func $echo))
  (export "canister_update echo_update" (func $echo))

  ;; Replies with the caller's principal.
  (func $whoami
    (call $caller_copy (i32.const 1024) (i32.const 0) (call $caller_size))
    (call $append (i32.const 1024) (call $caller_size))
    (call $reply))
  (export "canister_query whoami" (func $whoami))
  (export "canister_update whoami_update" (func $whoami))

  (func $reply_number (param i64)
    (i64.store (i32.const 512) (local.get 0))
    (call $append (i32.const 512) (i32.const 8))
    (call $reply))
  (func (export "canister_update count")
    (global.set $count (i64.add (global.get $count) (i64.const 1)))
    (call $reply_number (global.get $count)))
  (func (export "canister_query counted") (call $reply_number (global.get $count)))
  (func (export "canister_heartbeat") (global.set $beats (i64.add (global.get $beats) (i64.const 1))))
  (func (export "canister_query beats") (call $reply_number (global.get $beats)))
  (func (export "canister_query now") (call $reply_number (call $time)))

  ;; Certifies the argument (at most 32 bytes).
  (func (export "canister_update certify")
    (call $arg_copy (i32.const 1024) (i32.const 0) (call $arg_size))
    (call $certify (i32.const 1024) (call $arg_size))
    (call $reply))
  ;; Replies with the data certificate.
  (func (export "canister_query certificate")
    (if (i32.eqz (call $certificate_present)) (then unreachable))
    (call $certificate_copy (i32.const 1024) (i32.const 0) (call $certificate_size))
    (call $append (i32.const 1024) (call $certificate_size))
    (call $reply))

  (func $refuse (call $reject (i32.const 0) (i32.const 10)))
  (export "canister_query refuse" (func $refuse))
  (export "canister_update refuse_update" (func $refuse))
  (func $fail (call $trap (i32.const 16) (i32.const 10)))
  (export "canister_query fail" (func $fail))
  (export "canister_update fail_update" (func $fail))
  ;; Messages to `refused` are not let in.
  (func (export "canister_update refused") (call $reply))
  (func (export "canister_inspect_message")
    (call $method_copy (i32.const 1024) (i32.const 0) (call $method_size))
    ;; No other method's name begins with these eight bytes: the name and what the memory holds after it, zero.
    (if (i64.ne (i64.load (i32.const 1024)) (i64.load (i32.const 32))) (then (call $accept))))

  (@custom "icp:public candid:service" "service : {}")
  (@custom "icp:private secret" "for controllers")
)
