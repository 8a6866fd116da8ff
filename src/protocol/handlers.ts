import type { Answer, AnswerName, EndpointName, Question, StreamName } from "./endpoints.ts";

/**
 * Writes lines of JSON of the type to a stream, for as long as it lasts. The member that no value has carries
 * the type. `Out`: what the server writes to.
 */
export type Told<Line, Out> = ((out: Out) => void) & { readonly type?: Line };

/** `id`: the name behind the path; empty of an endpoint that takes none. */
type Asking<Name extends EndpointName> = { readonly id: string; readonly question: Question<Name> };

type Says<Name extends EndpointName, Out> = Name extends StreamName
  ? Told<Answer<Name>, Out>
  : Name extends AnswerName
    ? Answer<Name> | Promise<Answer<Name>>
    : Promise<string>;

/** Who answers each endpoint. @throws NotFound, BadQuestion */
export type Handlers<Out> = { readonly [Name in EndpointName]: (asking: Asking<Name>) => Says<Name, Out> };
