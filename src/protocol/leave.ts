/** `machine`: the name of the one that is out of the region. */
export type LeaveAnswer = { readonly machine: string };
