import { TABLES } from "../words/doctor.ts";
import { type Language, say } from "../words/language.ts";
import { ask, type Control } from "./control.ts";
import type { Paint } from "./paint.ts";

type Asked = {
  readonly control: Control;
  readonly language: Language;
  readonly paint: Paint;
  readonly print: (line: string) => void;
  readonly json: boolean;
};

/** Says whether the kernel's tables are what the state says. Returns the exit status. */
export async function examineTables({ control, language, paint, print, json }: Asked): Promise<number> {
  const { rows, complaints, more } = await ask(control, "tables");
  if (json) print(JSON.stringify({ rows, complaints, more }, null, 2));
  else if (complaints.length === 0) print(`${paint.good("✓")} ${say(language, TABLES.good, { rows })}`);
  else {
    for (const line of complaints) print(`${paint.bad("✗")} ${line}`);
    if (more > 0) print(`  ${say(language, TABLES.more, { more })}`);
    print(say(language, TABLES.mend));
  }
  return complaints.length === 0 ? 0 : 1;
}
