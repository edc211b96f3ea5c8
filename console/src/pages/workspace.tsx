/** Which workspace is shown, asked where nobody signs in: the service has no list of them. */
import { type FormEvent, useId, useState } from "react";
import { enterWorkspace } from "../api/session.ts";
import { Gate } from "../parts/gate.tsx";

export default function WorkspacePage() {
  const [name, setName] = useState("");
  const id = useId();
  const enter = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") enterWorkspace(name.trim());
  };
  return (
    <Gate title="Open a workspace">
      <p className="muted">
        Each workflow and run belongs to a workspace. The demo plays in <code>ws_demo</code>.
      </p>
      <form className="action" onSubmit={enter}>
        <div className="field">
          <label htmlFor={id}>Workspace</label>
          <input
            id={id}
            value={name}
            placeholder="ws_demo"
            autoComplete="organization"
            onChange={(event) => setName(event.target.value)}
          />
        </div>
        <button type="submit" className="primary" disabled={name.trim() === ""}>
          Open
        </button>
      </form>
    </Gate>
  );
}
