import { answerApi, type ApiRequest } from "../../src/api/api.ts";
import { Fault, FAULT_STATUS, notPermitted } from "../../src/model/fault.ts";
import { findOperation } from "../../src/wire/operations.ts";
import type { SignedRequest } from "../../src/wire/sigv4.ts";
import { fixedRegion, type FixedRegion, type Sample, samples } from "./corpus.ts";
import { dice } from "./dice.ts";
import { misreading } from "./meaning.ts";
import { mutated } from "./mutate.ts";
import { NOW, SECRET, signed, tampered } from "./sign.ts";
import { errorIn, malformation } from "./xml.ts";

export type FuzzOptions = {
  readonly requests: number;
  readonly seed: number;
  /** The number of the one request to make; all, when it is left out. */
  readonly only?: number | undefined;
  /** Told now and then how many requests have been made. */
  readonly progress?: (made: number) => void;
};

/** Something that must not be, and the request that shows it. */
type Finding = { readonly request: number; readonly what: string; readonly body: string };

export type FuzzFigures = {
  readonly requests: number;
  /** How many were decoded and handed to their action, were answered well, were tampered with. */
  readonly decoded: number;
  readonly done: number;
  readonly tampered: number;
  /** Error codes, and how often each was the answer. */
  readonly codes: ReadonlyMap<string, number>;
  readonly operations: ReadonlySet<string>;
  readonly slowest: { readonly request: number; readonly milliseconds: number };
  readonly findings: readonly Finding[];
};

const ENOUGH = 20;
/** One in so many requests is signed, and half of those tampered with. */
const SIGNED = 4;

/**
 * Makes many requests out of real ones, and holds each answer against what must be true of all: it is
 * well-formed XML, with a code of AWS's when it is an error; nothing in the program goes wrong; what is
 * decoded means what was sent; and no request passes whose signature does not cover it.
 */
export async function fuzz({ requests, seed, only, progress }: FuzzOptions): Promise<FuzzFigures> {
  const region = fixedRegion();
  const stock = { region, samples: await samples(seed, 12, region) };
  const tally = new Tally();
  for (
    let number = only ?? 0;
    number < (only === undefined ? requests : only + 1) && tally.findings.length < ENOUGH;
    number++
  ) {
    if (number % 10_000 === 0) progress?.(number);
    const began = performance.now();
    await one(stock, seed, number, tally);
    tally.took(number, performance.now() - began);
  }
  return tally.figures();
}

type Stock = { readonly samples: readonly Sample[]; readonly region: FixedRegion };

async function one({ samples, region }: Stock, seed: number, number: number, tally: Tally): Promise<void> {
  const chance = dice(Math.imul(seed, 0x9e3779b1) ^ number);
  const body = mutated(chance, chance.pick(samples).body, region.words);
  const text = body.toString("utf8");
  const isSigned = chance.oneIn(SIGNED);
  const isTampered = isSigned && chance.oneIn(2);
  const whole = isSigned ? signed(body) : { method: "POST", path: "/", query: "", headers: [], body };
  const request: SignedRequest = isTampered ? tampered(chance, whole) : whole;
  const wrong = (what: string): void => tally.finding({ request: number, what, body: text.slice(0, 2_000) });
  let wasLetIn = false;
  const { status, body: xml } = await answerApi(request, `id-${number}`, {
    auth: isSigned ? "signature" : "none",
    lookupKey: (id) => (id === SECRET.accessKeyId ? { ...SECRET, account: "123456789012" } : undefined),
    defaults: { account: "123456789012", region: "us-east-1" },
    now: () => NOW,
    perform: (asked) => {
      wasLetIn = true;
      if (isTampered) wrong(`was let in with another ${differences(whole, request)}`);
      return Promise.resolve(done(asked, text, region, tally, wrong));
    },
    log: (_message, cause) => wrong(`threw ${cause instanceof Error ? cause.stack : String(cause)}`),
  });
  if (isTampered) tally.tampered += 1;
  // Behind the signature an action may refuse what belongs to somebody else.
  if (
    isSigned &&
    !isTampered &&
    !wasLetIn &&
    /SignatureDoesNotMatch|IncompleteSignature|AuthFailure/.test(xml.slice(0, 200))
  )
    wrong("was refused though its signature is right");
  check(xml, status, number, tally, wrong);
}

function done(
  { operation, input }: ApiRequest,
  text: string,
  region: FixedRegion,
  tally: Tally,
  wrong: (what: string) => void,
): unknown {
  tally.decoded += 1;
  const misread = misreading(findOperation(operation)?.input, input, text);
  if (misread !== undefined) wrong(`${operation}: ${misread}`);
  const answer = region.perform(operation, input);
  tally.operations.add(operation);
  tally.done += 1;
  return answer;
}

function check(
  xml: string,
  status: number,
  number: number,
  tally: Tally,
  wrong: (what: string) => void,
): void {
  const bad = malformation(xml);
  if (bad !== undefined) wrong(`answer is no XML: ${bad}`);
  if (status === 200) return;
  const error = errorIn(xml);
  if (!error) return wrong(`error of another form: ${xml.slice(0, 300)}`);
  tally.count(error.code);
  if (error.requestId !== `id-${number}`) wrong(`error for another request: ${error.requestId}`);
  const known = Object.hasOwn(FAULT_STATUS, error.code)
    ? new Fault(error.code as keyof typeof FAULT_STATUS, "").status
    : undefined;
  // The same code stands for a wrong key and for what belongs to a service of AWS's own.
  const isForbidden = error.code === notPermitted().code && status === notPermitted().status;
  if (known !== status && !isForbidden) wrong(`${error.code} with status ${status}`);
}

function differences(a: SignedRequest, b: SignedRequest): string {
  return JSON.stringify({
    ...b,
    headers: b.headers.filter(([name, value]) => !a.headers.some(([n, v]) => n === name && v === value)),
    body: b.body.length - a.body.length,
  });
}

class Tally {
  decoded = 0;
  done = 0;
  tampered = 0;
  readonly operations = new Set<string>();
  readonly findings: Finding[] = [];
  readonly #codes = new Map<string, number>();
  #made = 0;
  #slowest = { request: 0, milliseconds: 0 };

  count(code: string): void {
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
  }

  took(request: number, milliseconds: number): void {
    this.#made += 1;
    if (milliseconds > this.#slowest.milliseconds) this.#slowest = { request, milliseconds };
  }

  /** One of each kind is enough to mend it. */
  finding(finding: Finding): void {
    const kind = (what: string): string => what.replaceAll(/\d+/g, "0").slice(0, 90);
    if (!this.findings.some(({ what }) => kind(what) === kind(finding.what))) this.findings.push(finding);
  }

  figures(): FuzzFigures {
    const codes = new Map([...this.#codes].toSorted(([, a], [, b]) => b - a));
    const { decoded, done, tampered, findings } = this;
    return {
      requests: this.#made,
      decoded,
      done,
      tampered,
      codes,
      operations: this.operations,
      slowest: this.#slowest,
      findings,
    };
  }
}
