### CRM Link dalam bahasa Indonesia. $app adalah aplikasi, $crm adalah CRM. Kunci diawali nama layarnya.

## Di mana-mana
months = Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des
back = Kembali
close = Tutup
step = Langkah { $step } dari 5, { $name }
step-choose = Pilih
step-authorise = Beri izin
step-fields = Kolom
step-events = Peristiwa
step-check = Periksa
continue = Lanjutkan
change = Ubah
remove = Hapus
optional = opsional
yes = Ya
no = Tidak
later = Anda dapat mengubahnya nanti di { $app }
empty = kosong
offline = Server tidak menjawab. Pilihan Anda tetap ada; coba lagi.
try-again = Coba lagi

## Pilih CRM
choose-title = CRM apa yang dipakai tim Anda?
choose-lead = { $app } akan menjaga data Anda di sana tetap terbaru.
choose-promise = Anda memberi izin di CRM Anda. Tidak ada yang ditulis ke sana sebelum Anda selesai.
choose-one-title = Hubungkan { $crm }
choose-one-button = Hubungkan { $crm }
choose-none-title = Belum ada CRM yang dapat dihubungkan
choose-none-why = Pengelola { $app } belum menyiapkan CRM di sini.

## Beri izin
authorise-title = Lanjutkan di jendela { $crm }.
authorise-lead = Pilih akun Anda di sana dan beri izin. Halaman ini berlanjut dengan sendirinya.
authorise-again = Buka lagi
authorise-blocked-title = Browser Anda memblokir jendela { $crm }. Buka dengan tombol ini.
authorise-open = Buka { $crm }
authorise-cancel = Pilih CRM lain
authorise-refused-title = { $crm } tidak memberi izin
authorise-refused-why = Tidak ada yang terhubung dan tidak ada yang ditulis.
token-title = Hubungkan { $crm } dengan token
token-lead = Buat token akses di { $crm } dan tempel di sini. Token disegel dan tidak ditampilkan kepada siapa pun.
token-label = Token akses
token-help = Di { $crm }: pengaturan, integrasi, aplikasi privat atau token API.
opening = Membuka…
returned-title = Jendela ini boleh ditutup
returned-why = Lanjutkan di halaman semula.

## Mengambil data
fetch-title = Membaca kolom { $crm } Anda
fetch-lead = Ini perlu beberapa detik.

fetch-slow = { $crm } lambat menjawab. Masih dicoba.

## Objek
objects-title = Yang dibagi { $app } dan { $crm }
objects-done = Semua sudah diatur.
objects-left = { $count } hal belum selesai
objects-gone = { $count } kolom sudah tidak ada
objects-open = Pilih objeknya di { $crm }
objects-out = Tidak dihubungkan
objects-holds = { $native } · { $fields }, { $events }
objects-fields = { $count ->
    [0] tanpa kolom
   *[other] { $count } kolom
}
objects-events = { $count ->
    [0] tanpa peristiwa
   *[other] { $count } peristiwa
}
objects-active = Terhubung
objects-broken = Keluar
objects-reconnect = Hubungkan lagi
objects-broken-why = { $crm } tidak lagi menerima akses kami. Pengaturan Anda tetap tersimpan.
objects-disconnect = Putuskan { $crm }
objects-review = Periksa dan selesaikan
objects-nothing = Tidak ada yang perlu diatur.

## Objek CRM yang mana
native-title = Apa “{ $object }” di { $crm }?
native-lead = { $app } membaca dan menulis ke sini.
native-suggested = Disarankan
native-filter = Cari objek
native-none = Jangan hubungkan “{ $object }”

## Kolom
fields-title = Di mana { $app } menemukan data ini?
fields-lead = Di { $native } { $crm } Anda.
fields-filled = { $done ->
    [0] Pilih kolom untuk masing-masing.
   *[other] { $done } dari { $total } sudah kami isikan.
}
fields-all = { $total ->
    [1] Sudah diatur.
   *[other] Semua { $total } sudah diatur.
}
fields-suggested = Disarankan
fields-chosen = Pilihan Anda
fields-choose = Pilih kolom
fields-latest = Data terbaru Anda:
fields-none-latest = kosong
fields-gone = Kolom ini sudah tidak ada di { $crm }. Pilih yang lain.
fields-needed = Pilih kolom untuk “{ $field }”, atau biarkan kosong.
fields-edit = Ubah
fields-match = Cocokkan nilai
fields-matched = Ubah { $count } pasangan nilai
fields-leave = Biarkan kosong
fields-add-child = Tambah kolom ke “{ $field }”
fields-child-name = Nama
fields-child-type = Isinya
fields-child-add = Tambah
fields-child-string = Teks
fields-child-number = Angka
fields-child-boolean = Ya atau tidak
fields-child-datetime = Tanggal dan waktu
fields-child-object = Beberapa nilai
fields-bad-child = { $label } { $error }
fields-trouble = { $count } kolom belum dipilih

## Pemilih kolom
picker-guess = Paling cocok
picker-fits = Kolom yang sesuai
picker-cannot = Tidak dapat dipakai di sini
picker-leave = Biarkan kosong
picker-leave-why = Tidak ada yang dikirim
picker-static = Selalu tulis…
picker-static-why = Nilai yang sama setiap kali
picker-template = Teks dengan nilai…
picker-template-why = Beberapa nilai dalam satu teks
picker-count = { "{" }shown{ "}" } dari { "{" }total{ "}" } kolom
picker-none = Tidak ada kolom yang memuat kata ini.
picker-move = pindah
picker-choose = pilih
picker-empty = Kosong di { $count } data terakhir Anda
picker-no-sample = Belum ada data untuk ditampilkan
picker-no-read = Tidak dapat dibaca di { $crm }
picker-no-create = Tidak dapat diisi pada data baru
picker-no-update = Hanya dapat dibaca di { $crm }
picker-no-search = { $crm } tidak dapat mencari dengannya

## Satu baris
row-read-title = Di mana { $app } menemukan “{ $field }”?
row-write-title = Ke mana “{ $field }” ditulis?
row-required-title = Dari mana isi “{ $field }”?
row-required = { $crm } mewajibkannya untuk setiap data baru.
row-new-title = Apa lagi yang ditulis?
row-filter-title = Cari dengan “{ $field }”
row-new-filter-title = Apa lagi yang harus cocok?
row-way = Yang dikirim
row-way-field = Nilainya
row-way-static = Nilai tetap
row-way-template = Teks
row-way-empty = Tidak ada
row-read-from = Kolom { $crm }
row-write-to = Kolom { $crm }
row-static = Nilainya
row-choose-value = Pilih nilai
row-template = Teksnya
row-template-help = Sisipkan nilai, atau ketik. Nilai ditulis dalam kurung kurawal ganda.
row-insert = Sisipkan
row-more = Lainnya
row-default = Bila tidak ada nilai, pakai
row-only-if-empty = Hanya bila kosong di { $crm }
row-zone = Zona waktu
row-zone-help = Tempat hari dimulai, dan zona bagi waktu tanpa zona.
row-operator = Nilainya harus
row-operator-eq = sama
row-operator-contains = termuat di dalamnya
row-map = Cocokkan nilai
row-map-on = Ubah nilai menjadi nilai lain
row-map-help = { $done } dari { $total } cocok
row-map-from = Nilai di { $from }
row-map-to = menjadi
row-map-other = Nilai lain
row-map-skip = tidak ditulis
row-map-keep = dikirim apa adanya
row-map-use = menjadi
row-map-park = menunggu seseorang
row-map-none = tanpa pasangan
row-done = Selesai
row-wrong = Belum benar: { $error }.

## Peristiwa
event-nth = Peristiwa { $nth } dari { $of }
event-title = Saat “{ $event }” terjadi di { $app }, { $crm } akan
event-create = Buat { $one }
event-update = Perbarui { $one }
event-delete = Hapus { $one }
event-search = Cari
event-noop = Abaikan
event-workflow = Mulai workflow
event-open = Pilih tujuannya
event-needs = Diwajibkan { $crm }
event-add = Tambah nilai lain
event-add-filter = Tambah syarat
event-values = { $count } nilai
event-left-empty = tidak ditulis
event-chosen-workflow = Mulai workflow ini
event-choose-workflow = Pilih workflow
event-workflow-why = Workflow Anda menentukan apa yang terjadi. { $app } mengirim nilai di bawah ini kepadanya.
event-find = Bila sudah ada
event-find-none = Selalu buat yang baru
event-find-by = Perbarui yang { $field }-nya sama
event-key = Simpan id kami di { $crm }, agar tidak ada data yang dibuat dua kali
event-links = Hubungkan dengan
event-link = { $native } di “{ $field }”
event-link-add = Hubungkan dengan data
event-link-field = Nilai yang memuat id-nya
event-link-object = Jenisnya
event-contains = memuat “{ $value }”
event-equals = adalah “{ $value }”
event-next = Sudah benar, lanjut
event-next-object = Sudah benar, lanjut
event-review = Periksa dan selesaikan
event-needed = Pilih apa yang dilakukan { $crm }.
event-rows-needed = { $count } nilai belum dipilih

## Pratinjau
preview = Pratinjau
preview-nothing = belum ada yang ditulis
preview-started = belum ada yang dimulai
preview-example = dengan nilai contoh
preview-record = Data
preview-rest = Kolom lainnya
preview-left = tidak diubah
preview-was = sebelumnya
preview-becomes = menjadi
preview-delete = akan dihapus
preview-none = { $crm } tidak berubah.
preview-new = Data baru dibuat: { $one }
preview-no-records = Belum ada { $one } di { $crm } Anda, jadi tidak ada yang dapat ditampilkan.
preview-search = { $crm } mencari setiap { $one } yang
preview-search-all = { $crm } menemukan setiap { $one }.
preview-links = Terhubung dengan
preview-refused = Dengan nilai ini tidak akan dilakukan: { $why }
preview-park = “{ $value }” menunggu seseorang

## Tinjau
review-title = Sudah benar?
review-lead = Mulai sekarang, setiap kali sesuatu terjadi di { $app }:
review-reads = { $app } membaca { $fields }.
review-create = { $event }: buat { $one }
review-update = { $event }: perbarui { $one }
review-delete = { $event }: hapus { $one }
review-search = { $event }: cari { $many }
review-noop = { $event }: abaikan
review-workflow = { $event }: mulai { $workflow }
review-out = { $object } tidak dihubungkan.
review-finish = Selesai dan hubungkan
review-left = { $count } hal belum selesai
review-go = Ke sana
review-moved = Sementara itu, ini diubah di jendela lain. Periksa sekali lagi.
review-nothing = { $app } hanya meminta izin.

## Selesai
done-title = { $crm } dan { $app } sudah terhubung
done-lead = Anda dapat mengubahnya kapan saja. Belum ada yang ditulis; itu dimulai dengan peristiwa berikutnya.

## Putuskan
disconnect-title = Putuskan { $crm }?
disconnect-why = { $app } berhenti membaca dan menulis ke { $crm }. Yang ada di sana tetap seperti semula.
disconnect-do = Putuskan { $crm }
disconnect-keep = Biarkan terhubung
disconnected-title = { $crm } sudah diputuskan

## Masalah
trouble-session = Sesi Anda sudah berakhir
trouble-session-why = { $app } tidak memperbaruinya. Buka ini lagi dari { $app }.
trouble-taken = Koneksi ini milik orang lain
trouble-taken-why = { $app } harus memilih nama lain untuknya.
trouble-other-crm = Koneksi ini untuk CRM lain
trouble-other-crm-why = Untuk memilih CRM lain, putuskan dahulu yang ini.
trouble-objects = { $app } meminta sesuatu yang tidak dapat dipetakan
trouble-objects-why = Pembuat { $app } harus memperbaikinya.
trouble-gone = Ini sudah tidak ada
trouble-gone-why = Sementara itu ini diubah atau diputuskan.
trouble-crm = { $crm } tidak melakukannya
trouble-busy = Server belum dapat melakukannya
trouble-busy-why = Pilihan Anda tetap tersimpan.
