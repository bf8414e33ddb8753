/** The mark: two posts and the knot that holds them. Decorative; the name stands beside it. */
export function BrandMark({ size = 28 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true" focusable="false">
      <rect width="32" height="32" rx="7" className="hf-brand-ground" />
      <path d="M10 7v18M22 7v18M10 16h12" className="hf-brand-line" />
      <circle cx="16" cy="16" r="3.4" className="hf-brand-knot" />
    </svg>
  )
}

export function BrandName({ size }: { size?: number }) {
  return (
    <span className="hf-brand">
      <BrandMark {...(size === undefined ? {} : { size })} />
      <span className="hf-brand-name">Holdfast</span>
    </span>
  )
}
