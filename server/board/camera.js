/** The camera as a scanner, where the browser offers it. */

const LOOK_MILLISECONDS = 120;
const AGAIN_MILLISECONDS = 1500; // a code counts again when it was out of the picture for so long
const FORMATS = ["code_128", "code_39", "code_93", "codabar", "ean_13", "ean_8", "itf", "upc_a", "upc_e", "qr_code", "data_matrix"];

/** Why there is no camera: "insecure" or "unsupported"; null if there may be one. */
export function whyNoCamera() {
  if (!isSecureContext) return "insecure";
  return "BarcodeDetector" in window && navigator.mediaDevices?.getUserMedia ? null : "unsupported";
}

/**
 * Show the camera's picture in the video element, and call `seen(code)` for each code that comes into it, until the signal
 * aborts. Returns when it runs. Raises the browser's DOMException: NotAllowedError if the user does not want it.
 */
export async function openCamera(video, seen, signal) {
  const formats = (await window.BarcodeDetector.getSupportedFormats()).filter((format) => FORMATS.includes(format));
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" }, audio: false });
  const close = () => {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  };
  if (signal.aborted) return close();
  signal.addEventListener("abort", close, { once: true });
  video.srcObject = stream;
  await video.play().catch(() => null); // a new source interrupts it: the picture is there without it
  look(video, new window.BarcodeDetector({ formats }), seen, signal);
}

async function look(video, detector, seen, signal) {
  const lastSeen = new Map();
  while (!signal.aborted) {
    const codes = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA ? await detector.detect(video).catch(() => []) : [];
    if (signal.aborted) return;
    const now = performance.now();
    for (const { rawValue } of codes) {
      const isNew = now - (lastSeen.get(rawValue) ?? -Infinity) > AGAIN_MILLISECONDS;
      lastSeen.set(rawValue, now);
      if (!isNew) continue;
      navigator.vibrate?.(60);
      seen(rawValue);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLISECONDS));
  }
}
