/**
 * Runs in the page: texts whose contrast with what is behind them is below 4.5 (WCAG 2.2, 1.4.3 AA). What is disabled is exempt.
 * As text, because it knows the DOM, and nothing else here does.
 */
export const contrastFaults = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const over = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const grounds = (element) => {
    const list = [];
    for (let at = element; at !== null; at = at.parentElement) {
      if (at.tagName === 'A' && at.querySelector(':scope > rect')) list.push(getComputedStyle(at.querySelector(':scope > rect')).fill);
      list.push(getComputedStyle(at).backgroundColor);
    }
    return ['#fff', ...list.reverse()];
  };
  const faults = [];
  for (const element of document.querySelectorAll('#console *')) {
    const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join('');
    if (text === '' || element.closest(':disabled, .unseen, .skip-link, .u-legend, option') || element.getClientRects().length === 0) continue;
    const style = getComputedStyle(element);
    const behind = grounds(element);
    const front = element instanceof SVGElement ? style.fill : style.color;
    const [light, dark] = [luminance(over([...behind, front])), luminance(over(behind))].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) faults.push(contrast.toFixed(2) + ' ' + element.tagName + '.' + (element.getAttribute('class') ?? '') + ': ' + text.slice(0, 40));
  }
  return [...new Set(faults)];
})()`;
