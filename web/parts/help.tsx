import { useApp } from "../state/app.ts";
import { Dialog } from "./dialog.tsx";

const keys = [
  ["/", "Search"],
  ["j  k", "Next, previous"],
  ["Enter", "Open"],
  ["x", "Choose for a release of several"],
  ["r", "Release"],
  ["g w", "Workloads"],
  ["g j", "Jobs"],
  ["g e", "Environments"],
  ["Esc", "Leave a field or a question"],
  ["?", "This help"],
] as const;

/** The keys there are. */
export function Help() {
  const { helpOpen } = useApp();
  return (
    <Dialog title="Keyboard" onClose={() => void (helpOpen.value = false)}>
      <dl class="keys">
        {keys.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split(/ +/).map((one) => (
                <kbd key={one}>{one}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
