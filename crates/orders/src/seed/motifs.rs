/// The shapes that demo pictures show, on a canvas of 600 × 600 whose table top is at 460.
///
/// `@main`, `@dark`, `@light` and `@accent` are the colours that [`super::picture`] fills in.
pub(super) const MOTIFS: [(&str, &str); 36] = [
    (
        "backpack",
        r#"<path d="M250 190c0-60 100-60 100 0" fill="none" stroke="@dark" stroke-width="14"/><rect x="190" y="170" width="220" height="290" rx="70" fill="@main"/><rect x="190" y="300" width="220" height="160" rx="36" fill="@dark" opacity=".35"/><rect x="222" y="330" width="156" height="100" rx="22" fill="@light"/><path d="M222 368h156" stroke="@dark" stroke-width="6"/><rect x="290" y="352" width="20" height="34" rx="8" fill="@accent"/><path d="M250 178v110M350 178v110" stroke="@accent" stroke-width="14"/>"#,
    ),
    (
        "basket",
        r#"<path d="M200 300c0-150 200-150 200 0" fill="none" stroke="@dark" stroke-width="14"/><path d="M160 290h280l-34 170H194z" fill="@main"/><path d="M167 325h266M174 360h252M181 395h238M188 430h224" stroke="@dark" stroke-width="8" opacity=".45"/><path d="M220 290l12 170M268 290l6 170M332 290l-6 170M380 290l-12 170" stroke="@light" stroke-width="8" opacity=".7"/><rect x="150" y="276" width="300" height="28" rx="14" fill="@dark"/>"#,
    ),
    (
        "birdhouse",
        r#"<rect x="290" y="400" width="20" height="60" fill="@dark"/><path d="M210 250h180v160H210z" fill="@main"/><path d="M180 262l120-120 120 120z" fill="@dark"/><circle cx="300" cy="310" r="36" fill="@light"/><circle cx="300" cy="310" r="28" fill="@dark"/><path d="M300 368v34" stroke="@accent" stroke-width="12" stroke-linecap="round"/><path d="M210 330h40M350 330h40M210 380h60M330 380h60" stroke="@dark" stroke-width="4" opacity=".4"/>"#,
    ),
    (
        "blanket",
        r#"<rect x="150" y="390" width="300" height="70" rx="32" fill="@dark"/><rect x="156" y="320" width="288" height="72" rx="32" fill="@main"/><rect x="162" y="250" width="276" height="72" rx="32" fill="@light"/><path d="M210 250v210M240 250v210M370 250v210" stroke="@accent" stroke-width="8" opacity=".8"/><path d="M170 446c-8 10-8 20-8 26M190 452v24M210 456v22" stroke="@dark" stroke-width="5" stroke-linecap="round"/>"#,
    ),
    (
        "board",
        r#"<g transform="rotate(-8 300 320)"><rect x="210" y="190" width="180" height="270" rx="34" fill="@main"/><rect x="278" y="120" width="44" height="100" rx="20" fill="@main"/><circle cx="300" cy="148" r="11" fill="@dark"/><path d="M246 210c-10 80 20 150-4 240M300 200c14 90-18 160 6 250M350 214c-12 70 22 150-2 230" fill="none" stroke="@dark" stroke-width="5" opacity=".4"/><rect x="210" y="436" width="180" height="24" rx="12" fill="@dark" opacity=".35"/></g>"#,
    ),
    (
        "book",
        r#"<g transform="rotate(6 300 320)"><rect x="196" y="170" width="208" height="284" rx="14" fill="@main"/><rect x="196" y="170" width="40" height="284" rx="14" fill="@dark"/><rect x="262" y="220" width="112" height="62" rx="8" fill="@light"/><path d="M280 244h76M280 260h50" stroke="@dark" stroke-width="5"/><rect x="376" y="170" width="12" height="284" fill="@accent"/><path d="M330 454v34l10-10 10 10v-34z" fill="@accent"/></g>"#,
    ),
    (
        "bottle",
        r#"<rect x="262" y="120" width="76" height="56" rx="14" fill="@dark"/><path d="M268 176h64v26c0 26 48 34 48 86v140c0 20-12 32-32 32h-96c-20 0-32-12-32-32V288c0-52 48-60 48-86z" fill="@main"/><path d="M246 280c0-20 8-32 20-42v196c-14 0-20-8-20-20z" fill="@light" opacity=".75"/><rect x="220" y="320" width="160" height="70" fill="@accent"/><path d="M246 346h100M246 364h64" stroke="@light" stroke-width="6"/>"#,
    ),
    (
        "bowl",
        r#"<path d="M140 290h320c0 110-60 160-120 160h-80c-60 0-120-50-120-160z" fill="@main"/><ellipse cx="300" cy="290" rx="160" ry="36" fill="@dark"/><ellipse cx="300" cy="294" rx="140" ry="26" fill="@light"/><path d="M168 350c70 34 190 34 264 0" fill="none" stroke="@accent" stroke-width="12"/><rect x="244" y="446" width="112" height="16" rx="8" fill="@dark"/>"#,
    ),
    (
        "candle",
        r#"<path d="M300 150c34 40 30 74 0 74s-34-34 0-74z" fill="@accent"/><path d="M300 186c14 18 12 34 0 34s-14-16 0-34z" fill="@light"/><path d="M300 220v30" stroke="@dark" stroke-width="6"/><rect x="220" y="250" width="160" height="210" rx="26" fill="@main"/><ellipse cx="300" cy="262" rx="66" ry="13" fill="@light"/><rect x="220" y="330" width="160" height="76" fill="@light"/><path d="M254 358h92M270 380h60" stroke="@dark" stroke-width="6"/>"#,
    ),
    (
        "can",
        r#"<path d="M190 270c-60 0-90-50-90-90l-20-8M392 300c70-20 70-150-20-150-60 0-80 60-80 100" fill="none" stroke="@dark" stroke-width="18" stroke-linecap="round"/><path d="M230 330L130 210" stroke="@main" stroke-width="34"/><path d="M96 214l62-34" stroke="@accent" stroke-width="18" stroke-linecap="round"/><path d="M206 250h200l16 186c0 14-8 24-22 24H212c-14 0-22-10-22-24z" fill="@main"/><ellipse cx="306" cy="252" rx="100" ry="20" fill="@dark"/><path d="M196 380h222" stroke="@light" stroke-width="12" opacity=".7"/>"#,
    ),
    (
        "clock",
        r#"<path d="M220 430l-24 32M380 430l24 32" stroke="@dark" stroke-width="18" stroke-linecap="round"/><circle cx="300" cy="310" r="150" fill="@main"/><circle cx="300" cy="310" r="120" fill="@light"/><path d="M300 210v16M300 394v16M200 310h16M384 310h16" stroke="@dark" stroke-width="10" stroke-linecap="round"/><path d="M300 310l-46-44" stroke="@dark" stroke-width="14" stroke-linecap="round"/><path d="M300 310l30-78" stroke="@dark" stroke-width="9" stroke-linecap="round"/><circle cx="300" cy="310" r="12" fill="@accent"/>"#,
    ),
    (
        "compass",
        r#"<circle cx="300" cy="170" r="26" fill="none" stroke="@dark" stroke-width="12"/><circle cx="300" cy="325" r="135" fill="@main"/><circle cx="300" cy="325" r="106" fill="@light"/><path d="M300 234l26 91-26 91-26-91z" fill="@dark" transform="rotate(28 300 325)"/><path d="M300 234l26 91h-52z" fill="@accent" transform="rotate(28 300 325)"/><circle cx="300" cy="325" r="10" fill="@light"/><path d="M300 226v14M300 410v14M201 325h14M385 325h14" stroke="@dark" stroke-width="7"/>"#,
    ),
    (
        "cushion",
        r#"<path d="M170 230c90-34 170-34 260 0 26 70 26 140 0 220-90 24-170 24-260 0-26-80-26-150 0-220z" fill="@main"/><path d="M210 246c60-16 120-16 180 0M196 340c70-14 140-14 208 0M206 430c60 14 128 14 188 0" fill="none" stroke="@light" stroke-width="10"/><path d="M182 292c76-16 160-16 236 0M186 388c76 12 152 12 228 0" fill="none" stroke="@accent" stroke-width="10" stroke-dasharray="22 16"/>"#,
    ),
    (
        "frame",
        r#"<rect x="180" y="150" width="240" height="310" rx="8" fill="@main"/><rect x="206" y="176" width="188" height="258" fill="@light"/><path d="M206 434l70-110 46 56 40-60 32 50v64z" fill="@dark" opacity=".55"/><circle cx="340" cy="246" r="30" fill="@accent"/><rect x="180" y="150" width="240" height="310" rx="8" fill="none" stroke="@dark" stroke-width="6"/>"#,
    ),
    (
        "jar",
        r#"<rect x="216" y="160" width="168" height="50" rx="14" fill="@accent"/><path d="M210 210h180c22 20 34 40 34 70v146c0 22-14 34-34 34H210c-20 0-34-12-34-34V280c0-30 12-50 34-70z" fill="@light"/><path d="M176 310h248v116c0 22-14 34-34 34H210c-20 0-34-12-34-34z" fill="@main"/><rect x="230" y="340" width="140" height="70" rx="10" fill="@light"/><path d="M256 366h88M256 384h54" stroke="@dark" stroke-width="6"/><path d="M200 250c4-10 10-16 18-22" stroke="@dark" stroke-width="6" opacity=".3" fill="none"/>"#,
    ),
    (
        "kettle",
        r#"<path d="M210 220c0-110 180-110 180 0" fill="none" stroke="@dark" stroke-width="18"/><path d="M400 300c50-6 50-60 84-70" fill="none" stroke="@main" stroke-width="32" stroke-linecap="round"/><path d="M190 250h220c24 40 40 90 40 150 0 40-20 60-50 60H200c-30 0-50-20-50-60 0-60 16-110 40-150z" fill="@main"/><rect x="204" y="226" width="192" height="30" rx="15" fill="@dark"/><circle cx="300" cy="218" r="18" fill="@accent"/><path d="M184 400c0-50 10-84 24-112" stroke="@light" stroke-width="14" stroke-linecap="round" fill="none" opacity=".8"/>"#,
    ),
    (
        "knife",
        r#"<g transform="rotate(38 300 320)"><path d="M270 110c40 40 60 110 60 200h-60z" fill="@light"/><path d="M270 110c16 50 24 120 24 200h-24z" fill="@dark" opacity=".2"/><rect x="262" y="306" width="74" height="20" rx="6" fill="@accent"/><rect x="268" y="322" width="60" height="170" rx="26" fill="@main"/><circle cx="298" cy="366" r="7" fill="@light"/><circle cx="298" cy="410" r="7" fill="@light"/><circle cx="298" cy="454" r="7" fill="@light"/></g>"#,
    ),
    (
        "lamp",
        r#"<ellipse cx="300" cy="450" rx="110" ry="16" fill="@dark"/><path d="M300 446L240 310l110-110" fill="none" stroke="@dark" stroke-width="16" stroke-linejoin="round" stroke-linecap="round"/><circle cx="240" cy="310" r="16" fill="@accent"/><path d="M300 150l120 20 30 110-190-60z" fill="@main" stroke="@main" stroke-width="16" stroke-linejoin="round"/><path d="M262 224l186 58-30 70-190-60z" fill="@light" opacity=".55"/>"#,
    ),
    (
        "lantern",
        r#"<path d="M240 210c0-90 120-90 120 0" fill="none" stroke="@dark" stroke-width="12"/><rect x="226" y="200" width="148" height="36" rx="14" fill="@main"/><rect x="236" y="236" width="128" height="160" fill="@light"/><path d="M300 270c34 40 30 90 0 90s-34-50 0-90z" fill="@accent"/><path d="M252 236v160M348 236v160" stroke="@dark" stroke-width="8"/><path d="M216 396h168l20 64H196z" fill="@main"/><rect x="216" y="390" width="168" height="16" rx="8" fill="@dark"/>"#,
    ),
    (
        "mug",
        r#"<path d="M380 270c90-10 90 130-6 126" fill="none" stroke="@dark" stroke-width="26"/><path d="M190 220h200v180c0 40-22 60-60 60h-80c-38 0-60-20-60-60z" fill="@main"/><ellipse cx="290" cy="222" rx="100" ry="22" fill="@dark"/><ellipse cx="290" cy="226" rx="82" ry="14" fill="@accent"/><rect x="190" y="360" width="200" height="28" fill="@light"/><path d="M216 260v120" stroke="@light" stroke-width="12" stroke-linecap="round" opacity=".7"/><path d="M260 170c-14-24 14-34 0-60M310 170c-14-24 14-34 0-60" fill="none" stroke="@light" stroke-width="8" stroke-linecap="round" opacity=".8"/>"#,
    ),
    (
        "pan",
        r#"<path d="M400 350L540 300" stroke="@dark" stroke-width="30" stroke-linecap="round"/><path d="M120 340h300l-20 90c-4 20-16 30-36 30H176c-20 0-32-10-36-30z" fill="@main"/><ellipse cx="270" cy="340" rx="150" ry="34" fill="@dark"/><ellipse cx="270" cy="344" rx="128" ry="24" fill="@main"/><circle cx="246" cy="344" r="30" fill="@light"/><circle cx="246" cy="342" r="13" fill="@accent"/><path d="M150 410h240" stroke="@light" stroke-width="6" opacity=".4"/>"#,
    ),
    (
        "pen",
        r#"<g transform="rotate(35 300 310)"><rect x="278" y="130" width="44" height="260" rx="16" fill="@main"/><rect x="278" y="130" width="44" height="90" rx="16" fill="@dark"/><path d="M318 150h14v100h-10z" fill="@accent"/><path d="M280 384h40l-14 66h-12z" fill="@light"/><path d="M294 448h12l-6 34z" fill="@dark"/><rect x="278" y="370" width="44" height="16" fill="@accent"/></g><path d="M140 470c60-30 90 20 150-4" fill="none" stroke="@dark" stroke-width="6" stroke-linecap="round"/>"#,
    ),
    (
        "plant",
        r##"<path d="M300 340C290 240 230 200 170 190c0 80 50 130 130 150zM300 340c0-120 60-170 130-190 4 90-40 160-130 190zM300 330c-40-70-30-140 4-200 36 60 40 130-4 200z" fill="#6f9460"/><path d="M300 360V210M300 350c-30-60-70-100-110-140M300 350c30-70 60-120 110-170" fill="none" stroke="#3f5c36" stroke-width="5" opacity=".6"/><path d="M220 340h160l-20 120H240z" fill="@main"/><rect x="208" y="330" width="184" height="34" rx="12" fill="@dark"/><path d="M246 384l8 60" stroke="@light" stroke-width="10" stroke-linecap="round" opacity=".7"/>"##,
    ),
    (
        "pot",
        r#"<path d="M250 290l-30-150M290 290l6-170M334 290l34-140" stroke="@accent" stroke-width="16" stroke-linecap="round"/><path d="M216 150l8-30M296 128v-26M366 158l10-28" stroke="@dark" stroke-width="16" stroke-linecap="round"/><path d="M210 270h180l-14 176c0 10-6 14-16 14H240c-10 0-16-4-16-14z" fill="@main"/><ellipse cx="300" cy="272" rx="90" ry="18" fill="@dark"/><path d="M216 340h168M220 372h160" stroke="@light" stroke-width="12"/>"#,
    ),
    (
        "pouch",
        r#"<path d="M160 240h280l20 190c0 20-14 30-34 30H174c-20 0-34-10-34-30z" fill="@main"/><path d="M160 240h280v40H156z" fill="@dark"/><path d="M172 262h256" stroke="@light" stroke-width="6" stroke-dasharray="10 8"/><rect x="404" y="250" width="20" height="70" rx="9" fill="@accent"/><rect x="196" y="340" width="120" height="70" rx="12" fill="@light"/><path d="M216 368h80M216 386h50" stroke="@dark" stroke-width="5"/>"#,
    ),
    (
        "scissors",
        r#"<g transform="rotate(-24 300 300)"><path d="M286 120l30 220-22 8zM326 120l-34 220 24 8z" fill="@light" stroke="@dark" stroke-width="3"/><circle cx="304" cy="300" r="12" fill="@dark"/><path d="M300 336c-10 40-90 20-84 84 4 50 84 40 90-20zM312 336c10 40 90 20 84 84-4 50-84 40-90-20z" fill="none" stroke="@main" stroke-width="22"/><circle cx="304" cy="300" r="5" fill="@accent"/></g>"#,
    ),
    (
        "spool",
        r#"<ellipse cx="300" cy="440" rx="130" ry="24" fill="@dark"/><rect x="200" y="220" width="200" height="220" rx="26" fill="@main"/><path d="M200 256c70 24 130 24 200 0M200 292c70 24 130 24 200 0M200 328c70 24 130 24 200 0M200 364c70 24 130 24 200 0M200 400c70 24 130 24 200 0" fill="none" stroke="@light" stroke-width="8" opacity=".8"/><ellipse cx="300" cy="220" rx="130" ry="26" fill="@dark"/><ellipse cx="300" cy="214" rx="130" ry="26" fill="@accent"/><ellipse cx="300" cy="214" rx="30" ry="8" fill="@dark"/><path d="M398 380c60 20 20 60 70 76" fill="none" stroke="@light" stroke-width="8" stroke-linecap="round"/>"#,
    ),
    (
        "spoons",
        r#"<g transform="rotate(-14 230 320)"><rect x="218" y="250" width="24" height="210" rx="12" fill="@main"/><ellipse cx="230" cy="200" rx="44" ry="66" fill="@main"/><ellipse cx="230" cy="204" rx="28" ry="46" fill="@dark" opacity=".4"/></g><g transform="rotate(10 360 320)"><rect x="348" y="250" width="24" height="210" rx="12" fill="@dark"/><path d="M316 150h88v80c0 26-20 40-44 40s-44-14-44-40z" fill="@dark"/><path d="M338 166v60M360 166v60M382 166v60" stroke="@light" stroke-width="8" stroke-linecap="round"/></g><circle cx="222" cy="430" r="7" fill="@accent"/>"#,
    ),
    (
        "suitcase",
        r#"<path d="M250 200v-50h100v50" fill="none" stroke="@dark" stroke-width="16" stroke-linejoin="round"/><rect x="130" y="200" width="340" height="250" rx="30" fill="@main"/><path d="M200 200v250M400 200v250" stroke="@dark" stroke-width="18" opacity=".55"/><path d="M130 320h340" stroke="@light" stroke-width="6" opacity=".7"/><rect x="190" y="300" width="20" height="40" rx="6" fill="@accent"/><rect x="390" y="300" width="20" height="40" rx="6" fill="@accent"/><circle cx="280" cy="260" r="26" fill="@light"/><path d="M262 266l14-18 8 10 6-6 8 14z" fill="@dark"/><rect x="160" y="446" width="40" height="16" rx="8" fill="@dark"/><rect x="400" y="446" width="40" height="16" rx="8" fill="@dark"/>"#,
    ),
    (
        "tent",
        r#"<path d="M300 160L90 460h420z" fill="@main"/><path d="M300 160L430 460h80z" fill="@dark" opacity=".5"/><path d="M300 220l-80 240h160z" fill="@dark"/><path d="M300 220l-80 240h70z" fill="@light"/><path d="M300 160v-34l44 14-44 14" fill="@accent" stroke="@accent" stroke-width="4"/><path d="M90 460l-30 10M510 460l30 10" stroke="@dark" stroke-width="6" stroke-linecap="round"/>"#,
    ),
    (
        "tote",
        r#"<path d="M240 270c-6-170 126-170 120 0" fill="none" stroke="@dark" stroke-width="16"/><path d="M170 240h260l24 200c0 14-8 20-20 20H166c-12 0-20-6-20-20z" fill="@main"/><path d="M170 240h260l4 30H166z" fill="@dark" opacity=".4"/><circle cx="300" cy="360" r="50" fill="@light"/><path d="M300 326l10 24 26 2-20 16 6 26-22-14-22 14 6-26-20-16 26-2z" fill="@accent"/><path d="M236 250v40M364 250v40" stroke="@accent" stroke-width="10"/>"#,
    ),
    (
        "towel",
        r#"<path d="M120 180h360" stroke="@dark" stroke-width="16" stroke-linecap="round"/><path d="M200 170h200v290H200z" fill="@main"/><path d="M200 170h90v230h-90z" fill="@light" opacity=".35"/><path d="M200 380h200M200 400h200M200 420h200" stroke="@accent" stroke-width="8"/><path d="M210 460v16M240 460v16M270 460v16M300 460v16M330 460v16M360 460v16M390 460v16" stroke="@dark" stroke-width="5"/><path d="M350 200v150" stroke="@dark" stroke-width="5" opacity=".25"/>"#,
    ),
    (
        "tray",
        r#"<ellipse cx="300" cy="390" rx="210" ry="70" fill="@dark"/><ellipse cx="300" cy="376" rx="210" ry="70" fill="@main"/><ellipse cx="300" cy="378" rx="176" ry="52" fill="@light" opacity=".55"/><path d="M160 390c60-20 90 10 150-6s90-20 130-4" fill="none" stroke="@dark" stroke-width="5" opacity=".35"/><circle cx="250" cy="340" r="46" fill="@accent"/><path d="M250 294c10-20 24-28 38-30" stroke="@dark" stroke-width="8" fill="none" stroke-linecap="round"/><circle cx="340" cy="352" r="40" fill="@main" stroke="@dark" stroke-width="4"/>"#,
    ),
    (
        "trowel",
        r#"<g transform="rotate(24 300 300)"><rect x="276" y="110" width="48" height="150" rx="24" fill="@main"/><path d="M276 150h48" stroke="@light" stroke-width="8"/><rect x="290" y="250" width="20" height="60" fill="@dark"/><path d="M240 306c0-16 120-16 120 0 6 80-20 140-60 180-40-40-66-100-60-180z" fill="@light"/><path d="M300 310v160" stroke="@dark" stroke-width="6" opacity=".3"/></g><path d="M120 466c40-36 100-36 140 0z" fill="@accent"/>"#,
    ),
    (
        "umbrella",
        r#"<path d="M300 250v170c0 50 64 50 64 4" fill="none" stroke="@dark" stroke-width="14" stroke-linecap="round"/><path d="M110 290c10-240 370-240 380 0-40-34-80-34-126 0-40-34-88-34-128 0-46-34-86-34-126 0z" fill="@main"/><path d="M236 290c0-110 30-170 64-180 34 10 64 70 64 180-40-34-88-34-128 0z" fill="@light" opacity=".6"/><path d="M300 84v30" stroke="@accent" stroke-width="12" stroke-linecap="round"/>"#,
    ),
    (
        "vase",
        r#"<path d="M290 200c-10-60-50-80-50-120M304 200c0-70 30-90 34-130M312 206c20-40 60-50 80-80" fill="none" stroke="@dark" stroke-width="7"/><circle cx="238" cy="92" r="24" fill="@accent"/><circle cx="340" cy="80" r="28" fill="@light"/><circle cx="396" cy="124" r="20" fill="@accent"/><path d="M270 190h66c0 60 70 100 70 170 0 60-40 100-70 100h-66c-30 0-70-40-70-100 0-70 70-110 70-170z" fill="@main"/><path d="M212 340c60 20 120 20 182 0" fill="none" stroke="@light" stroke-width="12"/><path d="M200 370c66 20 138 20 206 0" fill="none" stroke="@dark" stroke-width="6" opacity=".4"/><rect x="262" y="182" width="82" height="18" rx="9" fill="@dark"/>"#,
    ),
];
