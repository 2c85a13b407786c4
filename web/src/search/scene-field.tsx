// The scene of a search, and which of its zones.
import type { Scene } from "../api/track-types.ts";
import { Choice, Ticks } from "../ui/fields.tsx";

interface Props {
  /** Those to choose from. */
  scenes: readonly Scene[];
  scene: string;
  zones: readonly string[];
  onChange(scene: string, zones: string[]): void;
}

export function SceneField({ scenes, scene, zones, onChange }: Props) {
  const chosen = scenes.find(({ id }) => id === scene);
  const gone = scene && !chosen;
  return (
    <>
      <Choice
        label="Scene"
        choices={[
          ["", "any place"],
          ...(gone ? [[scene, "one that was deleted"] as const] : []),
          ...scenes.map(({ id, name }) => [id, name] as const),
        ]}
        value={scene}
        hint="Objects that stood in one of its zones."
        onChange={(id) => onChange(id, [])}
      />
      {chosen && chosen.zones.length > 1 && (
        <Ticks
          legend="Zones"
          choices={chosen.zones.map(({ name }) => [name, name])}
          chosen={zones}
          hint="None ticked: any of them."
          onChange={(names) => onChange(scene, names)}
        />
      )}
    </>
  );
}
