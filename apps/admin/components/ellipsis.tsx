import css from './detail.module.css'

/** A name on one line, cut where the room ends, with the whole of it in its tooltip. */
export function Ellipsis({ text, isShort = false }: { text: string; isShort?: boolean }) {
  return (
    <span className={isShort ? `${css.ellipsis} ${css.short}` : css.ellipsis} dir="auto" title={text}>
      {text}
    </span>
  )
}
