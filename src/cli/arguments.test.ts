import assert from "node:assert/strict";
import { test } from "node:test";
import { say } from "../words/language.ts";
import { languageFlag, parseArguments } from "./arguments.ts";
import { helpOf } from "./help.ts";
import { type VerbName, VERBS } from "./verbs.ts";

test("every command has its help, and it speaks Japanese", () => {
  for (const name of Object.keys(VERBS) as VerbName[]) {
    assert.match(helpOf(name, "ja"), /[ぁ-んァ-ヶ一-龠]/);
    assert.equal(parseArguments(["help", name])?.help, true);
    if (name === "aws") continue;
    const asked = parseArguments([name, "--help", "--lang", "ja"]);
    assert.deepEqual([asked?.verb, asked?.help, asked?.options["lang"]], [name, true, "ja"]);
  }
});

test("the overview is asked for by --help, in the language that --lang says", () => {
  for (const words of [
    [],
    ["help"],
    ["-h"],
    ["--help", "--lang", "ja"],
    ["--lang", "ja", "--help"],
    ["--lang=ja"],
  ])
    assert.equal(parseArguments(words), undefined);
  assert.equal(languageFlag(["--help", "--lang", "ja"]), "ja");
  assert.equal(languageFlag(["--lang=ja"]), "ja");
  assert.equal(languageFlag(["--help"]), undefined);
});

test("a word too many is refused, unless it belongs to another program's command line", () => {
  assert.throws(
    () => parseArguments(["trace", "i-1", "198.51.100.1"]),
    /'198\.51\.100\.1' is one word too many\. See: \.\/genkan trace --help/,
  );
  assert.throws(() => parseArguments(["up", "now"]), /'now' is one word too many/);
  assert.deepEqual(parseArguments(["exec", "i-1", "--", "ls", "--lang", "-l"])?.rest, ["ls", "--lang", "-l"]);
  assert.deepEqual(parseArguments(["exec", "i-1", "ls", "/"])?.positionals, ["i-1", "ls", "/"]);
  assert.deepEqual(parseArguments(["aws", "ec2", "help"])?.rest, ["ec2", "help"]);
});

test("a Japanese sentence puts spaces around a value only when the value is not Japanese", () => {
  const words = { en: "to {target}", ja: "{target} に渡す" };
  assert.equal(say("ja", words, { target: "i-1" }), "i-1 に渡す");
  assert.equal(say("ja", words, { target: "インターネット" }), "インターネットに渡す");
  assert.equal(say("en", words, {}), "to {target}");
});
