/** A text that uses most of what drafts use. The worker draws it before it is asked, so that the reader and the checks are compiled. */

/** So many of each kind. */
const GROUPS = 10;

/** It has no faults. */
export const WARM_UP_TEXT = `workflow: warm-up
input: { amount: number, kind: string }
timeout: 7d
steps:
${Array.from({ length: GROUPS }, (_, at) => group(at)).join("")}`;

function group(at: number): string {
  return `  # comment
  work-${at}:
    capability: work.some
    with: { amount: "{{ input.amount }}", at: ${at} }
  task-${at}: { task: "Look at {{ input.kind }}", when: "input.amount > ${at}" }
  size-${at}:
    branch: input.amount > ${at}
    then: { true: gate-${at}, false: tell-${at} }
  gate-${at}:
    approve: Pay it
    action: some.pay
    by: [user_manager]
    on: { denied: tell-${at} }
  both-${at}:
    parallel:
      left-${at}: { task: Left }
      right-${at}: { queue: some }
    next: tell-${at}
  tell-${at}:
    notify: email
    to: ann@example.com
    body: Done
`;
}
