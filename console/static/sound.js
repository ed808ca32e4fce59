// A tone for each level; browsers let a page sound only after somebody touched it.
const TONES = { blue: [[440, 0.25]], yellow: [[587, 0.25], [587, 0.25]], orange: [[784, 0.3], [587, 0.3], [784, 0.3]], red: [[988, 0.35], [740, 0.35], [988, 0.35], [740, 0.35]] };
const GAP_S = 0.08;
let context = null;
let mutedUntil = 0;

export const unlocked = () => context?.state === "running";
export async function unlock() { context ??= new AudioContext(); await context.resume(); return unlocked(); }
export const mute = (ms) => { mutedUntil = performance.now() + ms; };
export const muted = () => performance.now() < mutedUntil;
export function sound(level) {
  if (!unlocked() || muted() || !TONES[level]) return;
  let at = context.currentTime + 0.02;
  for (const [pitch, length] of TONES[level]) {
    const tone = context.createOscillator();
    const loudness = context.createGain();
    tone.type = "triangle";
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0, at);
    loudness.gain.linearRampToValueAtTime(0.5, at + 0.02);
    loudness.gain.setValueAtTime(0.5, at + length - 0.04);
    loudness.gain.linearRampToValueAtTime(0, at + length);
    tone.connect(loudness).connect(context.destination);
    tone.start(at);
    tone.stop(at + length);
    at += length + GAP_S;
  }
}
