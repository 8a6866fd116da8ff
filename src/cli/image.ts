import { type Arguments, text } from "./arguments.ts";
import { ask, CommandError, type Control } from "./control.ts";

type Told = { readonly region: string; readonly id: string; readonly name: string; readonly owner: string; readonly architecture: string };

/** `genkan image alias|ls|rm`. The exit status. */
export async function image(
  { positionals: [what, name], options }: Arguments,
  control: Control,
  print: (line: string) => void,
): Promise<number> {
  const tell = (told: Told): void => {
    const { region, id, architecture, owner } = told;
    print(options["json"] === true ? JSON.stringify(told) : [id, told.name, architecture, owner, region].join("  "));
  };
  if (what === "ls" && name === undefined) {
    const { images } = await ask<{ images: readonly Told[] }>(control, "GET", "images");
    for (const each of images) tell(each);
    return 0;
  }
  if ((what !== "alias" && what !== "rm") || name === undefined) {
    throw new CommandError("Usage: genkan image alias NAME | image ls | image rm NAME|AMI. See: ./genkan image --help");
  }
  const question = new URLSearchParams({ name });
  for (const option of ["id", "owner", "arch", "region"]) {
    const value = text(options[option]);
    if (value !== undefined) question.set(option, value);
  }
  tell(await ask<Told>(control, "POST", `${what === "alias" ? "image-alias" : "image-remove"}?${question}`));
  return 0;
}
