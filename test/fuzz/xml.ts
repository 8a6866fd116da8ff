/**
 * What makes this no well-formed XML document of elements and text (XML 1.0, section 2.1); undefined when it
 * is one.
 */
export function malformation(xml: string): string | undefined {
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
  const from = xml.startsWith(head) ? head.length : 0;
  const open: string[] = [];
  TOKEN.lastIndex = from;
  let at = from;
  let roots = 0;
  for (let token = TOKEN.exec(xml); token; token = TOKEN.exec(xml)) {
    if (token.index !== at) return `at ${at}: ${xml.slice(at, at + 40)}`;
    at = TOKEN.lastIndex;
    const [, slash, name = "", empty, text] = token;
    if (text !== undefined) {
      if (open.length === 0) return `text outside of elements at ${token.index}`;
      continue;
    }
    if (slash === "/") {
      if (open.pop() !== name) return `</${name}> closes nothing at ${token.index}`;
      continue;
    }
    if (open.length === 0) roots += 1;
    if (empty !== "/") open.push(name);
  }
  if (at !== xml.length) return `at ${at}: ${xml.slice(at, at + 40)}`;
  if (open.length > 0) return `<${open.at(-1)}> stays open`;
  return roots === 1 ? undefined : `${roots} root elements`;
}

/** A tag, or a run of characters and references that an element may hold. */
const TOKEN =
  /<(\/?)([A-Za-z_][\w.-]*)(?: xmlns="[^"<&]*")?(\/?)>|((?:[\t\n\u0020-\u0025\u0027-\u003b\u003d\u003f-\ud7ff\ue000-\ufffd]|[\u{10000}-\u{10ffff}]|&(?:amp|lt|gt|quot|#xD);)+)/gu;

export type ErrorDocument = { readonly code: string; readonly requestId: string };

/** The error that a document states, in EC2's form or in STS's; undefined when it has another form. */
export function errorIn(xml: string): ErrorDocument | undefined {
  const ec2 =
    /^<\?xml[^>]*>\n<Response><Errors><Error><Code>([\w.]+)<\/Code><Message>[^<]+<\/Message><\/Error><\/Errors><RequestID>([\w-]+)<\/RequestID><\/Response>$/;
  const sts =
    /^<ErrorResponse(?: xmlns="[^"]+")?><Error><Type>(?:Sender|Receiver)<\/Type><Code>([\w.]+)<\/Code><Message>[^<]+<\/Message><\/Error><RequestId>([\w-]+)<\/RequestId><\/ErrorResponse>$/;
  const [, code, requestId] = ec2.exec(xml) ?? sts.exec(xml) ?? [];
  return code === undefined || requestId === undefined ? undefined : { code, requestId };
}
