// What calling a canister can come to.

/** The canister answered, and the answer is no. */
export class Refused<E extends object = Record<string, unknown>> extends Error {
  readonly error: E;
  readonly method: string;

  constructor(method: string, error: E) {
    super(`${method}: ${Object.keys(error).join()}`);
    this.name = 'Refused';
    this.method = method;
    this.error = error;
  }
}

/** No answer of the canister's own. */
export class CallFailed extends Error {
  /** `nothing-done`: it was certainly not executed. `unknown`: it may have been. */
  readonly outcome: 'nothing-done' | 'unknown';

  constructor(method: string, outcome: 'nothing-done' | 'unknown', cause: unknown) {
    super(`${method}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'CallFailed';
    this.outcome = outcome;
  }
}

/** Not sent, because the session has run out. */
export class SessionEnded extends Error {
  constructor(method: string) {
    super(`${method}: the session has ended`);
    this.name = 'SessionEnded';
  }
}

/** An answer that does not fit what was asked, or what else is known: nothing is done on its word. */
export class NotAsAsked extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NotAsAsked';
  }
}

/** A call that was not sent, or that the network refused before a canister began: certainly not carried out. */
export class NotDone extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'NotDone';
  }
}
