// The page around the components: less air than Streamlit's default, so that the picture gets the room.
const PAGE_STYLE = `
  [data-testid="stMainBlockContainer"] { padding: 4.25rem 1.75rem 3rem; max-width: 1840px; }
  @media (max-width: 640px) { [data-testid="stMainBlockContainer"] { padding: 4.25rem .75rem 2rem; } }
  [data-testid="stSkeleton"] { opacity: .35; }
`;

export function installPageStyle() {
  if (document.getElementById("convscope-page-style")) return;
  const style = document.createElement("style");
  style.id = "convscope-page-style";
  style.textContent = PAGE_STYLE;
  document.head.append(style);
}
