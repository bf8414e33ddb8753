'use client'

import 'uplot/dist/uPlot.min.css'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'
import { formatTime, formatTimeWithSeconds } from '../lib/format.ts'
import { useIsDark } from './theme-toggle.tsx'

export interface ChartSeries {
  label: string
  /** Place in the chart palette. */
  color: 'blue' | 'teal' | 'orange' | 'purple'
  /** One value per moment; null where nothing was measured. */
  values: (number | null)[]
  isFilled?: boolean
}

interface LiveChartProps {
  title: string
  /** Milliseconds since 1970, oldest first. */
  times: number[]
  series: ChartSeries[]
  format: (value: number) => string
  /** The axis reaches at least this high, so that noise near zero does not look like a mountain. */
  atLeast: number
  heightPx?: number
  /** Distances that lines of the axis may have, for units that do not count in tens. */
  steps?: number[]
}

/** PatternFly's chart palette, in the shades that keep a contrast of 3:1 on a card of either theme (WCAG 1.4.11). */
const palette = {
  light: { blue: '#0066cc', teal: '#147878', orange: '#b8500b', purple: '#5e40be' },
  dark: { blue: '#92c5f9', teal: '#63bdbd', orange: '#f8ae54', purple: '#b6a6e9' },
}
const ink = { light: { text: '#4d4d4d', grid: '#e0e0e0' }, dark: { text: '#c7c7c7', grid: '#4d4d4d' } }
const fillAlpha = '22'
const axisFont = '11px RedHatText, sans-serif'
/** Width of the longest time label, which is centred on its moment: half of it stands beside the plot at its end. */
const timeLabelPx = 64

/** A line chart that takes new points every second; drawn on a canvas, and described in words for screen readers. */
export function LiveChart(props: LiveChartProps) {
  const { title, times, series, format, atLeast, heightPx = 150, steps } = props
  const holder = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const scheme = useIsDark() ? 'dark' : 'light'
  const data: uPlot.AlignedData = [times.map((at) => at / 1000), ...series.map((each) => each.values)]
  const latest = useRef(data)
  latest.current = data
  const looks = useRef({ format, series, steps })
  looks.current = { format, series, steps }
  const shape = series.map((each) => `${each.label}:${each.color}`).join('|')

  // biome-ignore lint/correctness/useExhaustiveDependencies: `shape` stands for the series, whose values change every second
  useEffect(() => {
    const element = holder.current
    if (element === null) return
    const axis = { stroke: ink[scheme].text, font: axisFont, ticks: { show: false } }
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: heightPx,
        padding: [8, timeLabelPx / 2, 0, 0],
        legend: { show: false },
        cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(atLeast, (max ?? 0) * 1.15)] } },
        axes: [
          {
            ...axis,
            grid: { show: false },
            size: 26,
            space: 64,
            values: (_plot, seconds) =>
              seconds.map((second) =>
                second % 60 === 0 ? formatTime(second * 1000) : formatTimeWithSeconds(second * 1000),
              ),
          },
          {
            ...axis,
            grid: { stroke: ink[scheme].grid, width: 1 },
            size: 64,
            space: 34,
            values: (_plot, values) => values.map((value) => looks.current.format(value)),
            ...(looks.current.steps ? { incrs: looks.current.steps } : {}),
          },
        ],
        series: [
          {},
          ...looks.current.series.map((each) => ({
            label: each.label,
            stroke: palette[scheme][each.color],
            width: 1.75,
            spanGaps: false,
            points: { show: false },
            ...(each.isFilled ? { fill: `${palette[scheme][each.color]}${fillAlpha}` } : {}),
          })),
        ],
      },
      latest.current,
      element,
    )
    chart.current = plot
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: heightPx }))
    observer.observe(element)
    return () => {
      observer.disconnect()
      plot.destroy()
      chart.current = null
    }
  }, [scheme, shape, heightPx, atLeast])

  useEffect(() => {
    chart.current?.setData(data)
  })

  const words = series.map((each) => {
    const last = each.values.findLast((value) => value !== null)
    return `${each.label}: ${last === undefined || last === null ? 'nothing measured yet' : `now ${format(last)}`}`
  })
  return (
    <figure className="hf-chart">
      <figcaption className="hf-chart-caption">
        <span className="hf-chart-title">{title}</span>
        {series.map((each) => {
          const last = each.values.at(-1)
          return (
            <span key={each.label} className="hf-chart-key">
              <svg width="12" height="4" aria-hidden="true">
                <rect width="12" height="4" rx="2" fill={palette[scheme][each.color]} />
              </svg>
              {each.label} <strong>{last === null || last === undefined ? '–' : format(last)}</strong>
            </span>
          )
        })}
      </figcaption>
      <div
        ref={holder}
        role="img"
        aria-label={`${title}. ${words.join('; ')}.`}
        className="hf-chart-canvas"
      />
    </figure>
  )
}
