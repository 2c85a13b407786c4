import { Field } from "../ui/field.tsx";
import { type AddressForm, split } from "./stream-form.ts";

interface Props {
  form: AddressForm;
  error: string | null;
  /** It is the address that the stream has, whose password is kept. */
  known?: boolean;
  onChange(form: AddressForm): void;
}

/** Address, user name and password of a network camera. */
export function AddressFields({ form, error, known = false, onChange }: Props) {
  const change = (part: Partial<AddressForm>) => onChange({ ...form, ...part });
  const keeps = known ? "unchanged" : "";
  return (
    <>
      <Field
        label="Address"
        error={error ?? undefined}
        hint="From the camera's manual or settings. The second, smaller stream of a camera saves network and computing."
      >
        {(ties) => (
          <input
            {...ties}
            type="url"
            required
            autocomplete="off"
            spellcheck={false}
            placeholder="rtsp://192.168.1.20:554/stream2"
            value={form.address}
            onInput={(event) => change({ address: event.currentTarget.value })}
            onChange={() => onChange(split(form))}
          />
        )}
      </Field>
      <div class="pair">
        <Field label="User name">
          {(ties) => (
            <input
              {...ties}
              autocomplete="off"
              placeholder={keeps}
              value={form.username}
              onInput={(event) => change({ username: event.currentTarget.value })}
            />
          )}
        </Field>
        <Field label="Password of the camera">
          {(ties) => (
            <input
              {...ties}
              type="password"
              autocomplete="new-password"
              placeholder={keeps}
              value={form.password}
              onInput={(event) => change({ password: event.currentTarget.value })}
            />
          )}
        </Field>
      </div>
      <p class="hint">The service stores them encrypted, and never shows them again.</p>
    </>
  );
}
