/**
 * Questions of one replica to the others in a world: each goes over both links, is late or lost there, or meets a replica that is gone.
 * Boundary: stands for ingress/bus/replica-messages.ts, and as that one it gives the answers that came in time.
 */
import type { OtherReplicas } from "../../../src/runtime/routing/shared-reports.ts";
import type { Link, LinkWorld } from "./link.ts";

/** A replica that answers. */
export interface AnsweringReplica {
  readonly id: string;
  readonly link: Link;
  answer(text: string): Promise<string>;
}

interface OthersWorld extends LinkWorld {
  readonly members: readonly AnsweringReplica[];
}

const ANSWER_WITHIN_MS = 1_000;

/** `ids` are the replicas that this one knows of. */
export function askOthers(
  world: OthersWorld,
  link: Link,
  ids: () => readonly string[],
): OtherReplicas {
  async function askOne(member: AnsweringReplica, text: string): Promise<string[]> {
    await link.pass();
    await member.link.pass();
    if (link.unlucky("messages")) return [];
    const answer = await member.answer(text);
    world.reach("after a report was taken for another replica", member.id);
    await member.link.pass();
    await link.pass();
    if (link.unlucky("messages")) {
      world.witness.count("lost answer of another replica");
      return [];
    }
    if (answer !== "") world.witness.count("answer of another replica");
    return [answer];
  }

  return {
    get areThere() {
      return ids().length > 0;
    },
    async ask(text) {
      const asked = world.members.filter(({ id }) => ids().includes(id));
      const answers = asked.map((member) =>
        Promise.race([askOne(member, text), world.clock.sleep(ANSWER_WITHIN_MS).then(() => [])]),
      );
      return (await Promise.all(answers)).flat();
    },
  };
}
