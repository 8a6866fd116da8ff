import { Fault } from "../../model/fault.ts";
import type { IndexName, Kind, Resources } from "../../model/resource.ts";
import type { Reader } from "../../model/state.ts";

/** A filter as clients send it. */
export type Filter = { readonly Name?: string | undefined; readonly Values?: readonly string[] | undefined };

/** What a describe call's filters can ask of a resource: its values by filter name. */
export type FilterFields<T> = Readonly<
  Record<string, (resource: T) => readonly (string | undefined)[] | string | undefined>
>;

type Page = { readonly MaxResults?: number | undefined; readonly NextToken?: string | undefined };

/**
 * The resources that match every filter (values of one filter are alternatives; `*` and `?` are wildcards,
 * `\` escapes).
 * `tag:KEY`, `tag-key` and `tag-value` work on every resource that has tags.
 * @throws InvalidParameterValue when a filter's name is not among `fields`.
 */
export function filtered<T extends { readonly tags?: Readonly<Record<string, string>> }>(
  resources: readonly T[],
  filters: readonly Filter[] | undefined,
  fields: FilterFields<T>,
): readonly T[] {
  if (!filters || filters.length === 0) return resources;
  const tests = filters.map((filter) => testOf(filter, fields));
  return resources.filter((resource) => tests.every((test) => test(resource)));
}

function testOf<T extends { readonly tags?: Readonly<Record<string, string>> }>(
  filter: Filter,
  fields: FilterFields<T>,
): (resource: T) => boolean {
  const name = filter.Name;
  if (name === undefined) throw new Fault("InvalidParameterValue", "The filter 'null' is invalid");
  const values = valuesOf(name, fields);
  const matchers = (filter.Values ?? []).map(wildcard);
  return (resource) => {
    const found = values(resource);
    const list = typeof found === "string" ? [found] : (found ?? []);
    return list.some((value) => value !== undefined && matchers.some((matches) => matches(value)));
  };
}

function valuesOf<T extends { readonly tags?: Readonly<Record<string, string>> }>(
  name: string,
  fields: FilterFields<T>,
): FilterFields<T>[string] {
  if (name.startsWith("tag:")) {
    const key = name.slice(4);
    return (resource) =>
      resource.tags && Object.hasOwn(resource.tags, key) ? resource.tags[key] : undefined;
  }
  if (name === "tag-key") return (resource) => Object.keys(resource.tags ?? {});
  if (name === "tag-value") return (resource) => Object.values(resource.tags ?? {});
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (!field) throw new Fault("InvalidParameterValue", `The filter '${name}' is invalid`);
  return field;
}

function wildcard(pattern: string): (value: string) => boolean {
  if (!/[*?\\]/.test(pattern)) return (value) => value === pattern;
  const parts = [...pattern.matchAll(/\\([^])|[^]/g)].map(
    ([text, escaped]) => escaped ?? (text === "*" ? MANY : text === "?" ? ONE : text),
  );
  return (value) => matchesAll(parts, value);
}

const MANY = Symbol("any text");
const ONE = Symbol("any character");

/** Backtracks only to the last `*`, so that a pattern takes at most its length times the value's. */
function matchesAll(parts: readonly (string | symbol)[], value: string): boolean {
  let part = 0;
  let star = -1;
  let from = 0;
  for (let index = 0; index < value.length;) {
    if (parts[part] === MANY) {
      star = part++;
      from = index;
    } else if (parts[part] === ONE || parts[part] === value[index]) {
      part++;
      index++;
    } else if (star >= 0) {
      part = star + 1;
      index = ++from;
    } else return false;
  }
  return parts.slice(part).every((rest) => rest === MANY);
}

/**
 * The resources that a describe call names by id, or all of them. `find` throws the noun's NotFound fault.
 */
export function chosen<T>(
  ids: readonly string[] | undefined,
  find: (id: string) => T,
  all: () => Source<T>,
): Source<T> {
  return ids && ids.length > 0 ? [...new Set(ids)].map(find) : all();
}

/** Resources in order of creation, which need not all be at hand: a list is one as well. */
export type Source<T> = {
  readonly length: number;
  readonly slice: (start: number, end: number) => readonly T[];
};

/** For each filter with an index, the index that finds what the filter leaves. */
type FilterIndexes<K extends Kind> = Readonly<Record<string, IndexName<K>>>;

/**
 * All of a kind, or what the most selective of the filters with an index leaves; the filters are still to be
 * applied.
 */
export function candidates<K extends Kind>(
  tx: Reader,
  kind: K,
  filters: readonly Filter[] | undefined,
  indexes: FilterIndexes<K>,
): Source<Resources[K]> {
  let count = tx.count(kind);
  let slice: Source<Resources[K]>["slice"] = (start, end) => tx.slice(kind, start, end);
  for (const { Name: name = "", Values: [value, ...more] = [] } of filters ?? []) {
    const index = Object.hasOwn(indexes, name) ? indexes[name] : undefined;
    if (index === undefined || value === undefined || more.length > 0 || /[*?\\]/.test(value)) continue;
    const found = tx.countBy(kind, index, value);
    if (found > count) continue;
    count = found;
    slice = (start, end) => tx.sliceBy(kind, index, value, { start, end });
  }
  return { length: count, slice };
}

/** Without what a regional NAT gateway hides; where there is none, all of them. */
export function shown<T>(tx: Reader, source: Source<T>, isShown: (resource: T) => boolean): Source<T> {
  const hides = tx.countBy("nat-gateway", "regional", "true") > 0;
  return hides ? source.slice(0, source.length).filter(isShown) : source;
}

/** How many resources are looked at in one go when a page is filled. */
const STRIDE = 1000;

/**
 * One page of the resources that match every filter, see {@link filtered} and {@link paged}. Looks no further
 * than the page goes, so that all pages together look at each resource about once.
 */
export function searched<T extends { readonly tags?: Readonly<Record<string, string>> }>(
  source: Source<T>,
  { Filters: filters, ...page }: Page & { readonly Filters?: readonly Filter[] | undefined },
  fields: FilterFields<T>,
  limits?: Limits,
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  if (!filters || filters.length === 0) return paged(source, page, limits);
  const { size = Number.POSITIVE_INFINITY, start } = placed(page, limits);
  const tests = filters.map((filter) => testOf(filter, fields));
  const items: T[] = [];
  for (let from = start; from < source.length; from += STRIDE) {
    for (const [index, resource] of source.slice(from, from + STRIDE).entries()) {
      if (!tests.every((test) => test(resource))) continue;
      if (items.length === size) return { items, nextToken: tokenOf(from + index) };
      items.push(resource);
    }
  }
  return { items, nextToken: undefined };
}

/**
 * One page of an answer. MaxResults is 5 to 1000 unless `limits` says otherwise; the token names the place to
 * go on from.
 * @throws InvalidParameterValue for a MaxResults out of range; InvalidNextToken for a token that we did not
 * give.
 */
export function paged<T>(
  resources: Source<T>,
  page: Page,
  limits?: Limits,
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const { size, start } = placed(page, limits);
  const end = size === undefined ? resources.length : start + size;
  return { items: resources.slice(start, end), nextToken: end < resources.length ? tokenOf(end) : undefined };
}

type Limits = { readonly min: number; readonly max: number };

/** How many are asked for, and from which place on. */
function placed(
  { MaxResults: size, NextToken: token }: Page,
  limits: Limits = { min: 5, max: 1000 },
): {
  readonly size: number | undefined;
  readonly start: number;
} {
  if (size !== undefined && (size < limits.min || size > limits.max)) {
    const bound = size < limits.min ? `less than ${limits.min}` : `greater than ${limits.max}`;
    throw new Fault(
      "InvalidParameterValue",
      `Value ( ${size} ) for parameter maxResults is invalid. Parameter may not be ${bound}.`,
    );
  }
  return { size, start: token === undefined || token === "" ? 0 : placeOf(token) };
}

const TOKEN = /^genkan-page-(\d{1,9})$/;

function tokenOf(place: number): string {
  return btoa(`genkan-page-${place}`);
}

function placeOf(token: string): number {
  let text = "";
  try {
    text = atob(token);
  } catch {
    // Not base64: falls through to the fault below.
  }
  const place = TOKEN.exec(text)?.[1];
  if (place === undefined) throw new Fault("InvalidNextToken", `The token '${token}' is invalid`);
  return Number(place);
}
