// Where a text stops being JSON, and why: what JSON.parse says about it differs from browser to browser, and some say no place.

export interface JsonFault {
  /** How many UTF-16 units are right before it. */
  at: number;
  /** What is wrong there, as the end of a sentence. */
  why: string;
}

class Fault extends Error {
  readonly at: number;

  constructor(at: number, why: string) {
    super(why);
    this.at = at;
  }
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const WORD = /true|false|null/y;
/** What JSON.parse takes and readers in other languages do not. */
const HALF_OF_A_CHARACTER = 'half of a character stands alone in a text';
/** Deeper values are refused by the registry's own reader. */
const MOST_DEEP = 128;

/** The first fault of a text that is to be one JSON value; nothing if it is one. */
export function jsonFault(text: string): JsonFault | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // Looked for with care only where one may be.
    if (!/\\u[dD][89a-fA-F]|[\ud800-\udfff]/.test(text) || isWhole(value)) return undefined;
    return { at: Math.max(0, text.search(/\\u[dD][89a-fA-F]/)), why: HALF_OF_A_CHARACTER };
  } catch {
    try {
      new Scanner(text).all();
      // As JSON.parse sees it there is one all the same.
      return { at: 0, why: 'it cannot be read' };
    } catch (fault) {
      if (fault instanceof Fault) return { at: fault.at, why: fault.message };
      throw fault;
    }
  }
}

function isWhole(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([name, held]) => name.isWellFormed() && isWhole(held));
}

/** RFC 8259, read only to find the fault. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  all(): void {
    this.#value(0);
    if (this.#next() !== undefined) this.#fail('more follows after the value; one value is expected');
  }

  #fail(why: string): never {
    throw new Fault(this.#at, why);
  }

  #take(pattern: RegExp): boolean {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (!found || (found[0] === '' && pattern !== SPACE)) return false;
    this.#at += found[0].length;
    return true;
  }

  /** The next character that is no space; nothing at the end. */
  #next(): string | undefined {
    this.#take(SPACE);
    return this.#text[this.#at];
  }

  #value(depth: number): void {
    const next = this.#next();
    if (depth > MOST_DEEP) this.#fail(`values are nested more than ${MOST_DEEP} deep`);
    if (next === undefined) this.#fail('it ends where a value is expected');
    if (next === '{') this.#members(depth);
    else if (next === '[') this.#elements(depth);
    else if (next === '"') this.#string();
    else if (next === "'") this.#fail('texts and names stand in double quotes (")');
    else if (!this.#take(NUMBER) && !this.#take(WORD)) {
      const word = /^[A-Za-z]+/.exec(this.#text.slice(this.#at, this.#at + 20));
      this.#fail(word ? `“${word[0]}” is no value of JSON` : `“${next}” cannot stand here`);
    }
  }

  #members(depth: number): void {
    this.#at += 1;
    if (this.#next() === '}') return void (this.#at += 1);
    for (;;) {
      if (this.#next() !== '"') this.#fail('a name in double quotes (") is expected');
      this.#string();
      if (this.#next() !== ':') this.#fail('a colon is expected after the name');
      this.#at += 1;
      this.#value(depth + 1);
      if (!this.#more('}')) return;
    }
  }

  #elements(depth: number): void {
    this.#at += 1;
    if (this.#next() === ']') return void (this.#at += 1);
    for (;;) {
      this.#value(depth + 1);
      if (!this.#more(']')) return;
    }
  }

  #more(end: string): boolean {
    const next = this.#next();
    if (next === undefined) this.#fail(`it ends before its “${end}”`);
    if (next !== ',' && next !== end) this.#fail(`a comma or “${end}” is expected`);
    this.#at += 1;
    return next === ',';
  }

  #string(): void {
    const begin = this.#at;
    this.#at += 1;
    for (;;) {
      const next = this.#text[this.#at];
      if (next === undefined) {
        this.#at = begin;
        this.#fail('a text begins here and has no end');
      }
      if (next === '"') return void (this.#at += 1);
      if (next < ' ') this.#fail('a control character stands in a text; it is written with \\');
      if (next !== '\\') this.#at += 1;
      else if (!this.#take(ESCAPE)) this.#fail('“\\” begins nothing that JSON knows');
    }
  }
}
