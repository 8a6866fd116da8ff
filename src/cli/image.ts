import { CommandError } from "../lib/command-error.ts";
import { ENDPOINTS } from "../protocol/endpoints.ts";
import type { ImageAnswer } from "../protocol/image.ts";
import { type Arguments, pick } from "./arguments.ts";
import { ask, type Control } from "./control.ts";

/** `genkan image alias|ls|rm`. The exit status. */
export async function image(
  { positionals: [what, name], options }: Arguments,
  control: Control,
  print: (line: string) => void,
): Promise<number> {
  const tell = (told: ImageAnswer): void => {
    const { region, id, architecture, owner } = told;
    print(
      options["json"] === true
        ? JSON.stringify(told)
        : [id, told.name, architecture, owner, region].join("  "),
    );
  };
  if (what === "ls" && name === undefined) {
    const { images } = await ask(control, "images");
    for (const each of images) tell(each);
    return 0;
  }
  if ((what !== "alias" && what !== "rm") || name === undefined) {
    throw new CommandError(
      "Usage: genkan image alias NAME | image ls | image rm NAME|AMI. See: ./genkan image --help",
    );
  }
  const question = pick({ ...options, name }, ENDPOINTS.aliasImage.question);
  tell(await ask(control, what === "alias" ? "aliasImage" : "removeImage", { question }));
  return 0;
}
