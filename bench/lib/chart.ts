/** One figure over the number of stored messages. */
export interface Curve {
  title: string
  unit: string
  points: { x: number; y: number }[]
}

const panel = { width: 360, height: 220, left: 64, right: 20, top: 40, bottom: 36 }
const columns = 2
const barCells = 40

/** Small multiples, each with its own scale from zero; the x axis is logarithmic. */
export function drawSvg(heading: string, curves: Curve[]): string {
  const rows = Math.ceil(curves.length / columns)
  const [width, height] = [columns * panel.width, rows * panel.height + 40]
  const panels = curves.map((curve, index) => {
    const [x, y] = [(index % columns) * panel.width, Math.floor(index / columns) * panel.height + 40]
    return `<g transform="translate(${x} ${y})">${drawPanel(curve)}</g>`
  })
  const style =
    'text{font:11px sans-serif;fill:#333}.t{font-weight:bold;font-size:13px}.a{stroke:#999;fill:none}'
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<style>${style}.l{stroke:#06c;stroke-width:2;fill:none}.d{fill:#06c}</style>
<rect width="100%" height="100%" fill="#fff"/><text class="t" x="16" y="24">${heading}</text>
${panels.join('\n')}
</svg>
`
}

function drawPanel({ title, unit, points }: Curve): string {
  const highest = Math.max(...points.map(({ y }) => y)) * 1.15 || 1
  const logs = points.map(({ x }) => Math.log10(x))
  const [low, high] = [Math.min(...logs), Math.max(...logs)]
  const bottom = panel.height - panel.bottom
  const right = panel.width - panel.right
  const place = (point: { x: number; y: number }) => {
    const share = high === low ? 0.5 : (Math.log10(point.x) - low) / (high - low)
    const x = panel.left + share * (right - panel.left)
    const y = bottom - (point.y / highest) * (bottom - panel.top)
    return { x: Math.round(x), y: Math.round(y) }
  }
  const placed = points.map((point) => ({ ...place(point), point }))
  const marks = placed.map(({ x, y, point }) => {
    const value = `<text x="${x}" y="${y - 8}" text-anchor="middle">${shortNumber(point.y)}</text>`
    const size = `<text x="${x}" y="${bottom + 16}" text-anchor="middle">${shortNumber(point.x)}</text>`
    return `<circle class="d" cx="${x}" cy="${y}" r="3"/>${value}${size}`
  })
  const axes = `<path class="a" d="M${panel.left - 16} ${panel.top}V${bottom}H${right + 8}"/>`
  const line = `<polyline class="l" points="${placed.map(({ x, y }) => `${x},${y}`).join(' ')}"/>`
  return `<text class="t" x="${panel.left - 16}" y="18">${title}, ${unit}</text>${axes}${line}${marks.join('')}`
}

/** The same curves as bars for a terminal. */
export function drawAscii(curves: Curve[]): string {
  return curves
    .map(({ title, unit, points }) => {
      const highest = Math.max(...points.map(({ y }) => y)) || 1
      const bars = points.map(({ x, y }) => {
        const bar = '█'.repeat(Math.max(1, Math.round((y / highest) * barCells)))
        return `  ${shortNumber(x).padStart(6)} │${bar} ${shortNumber(y)}`
      })
      return `${title}, ${unit}\n${bars.join('\n')}`
    })
    .join('\n\n')
}

function shortNumber(value: number): string {
  const formatter = new Intl.NumberFormat('en-US', { notation: 'compact', maximumSignificantDigits: 3 })
  return formatter.format(value)
}
