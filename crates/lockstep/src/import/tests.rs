use super::*;

fn read_text(text: &str) -> Import {
    read(text.as_bytes(), Some("ID")).expect("a readable file")
}

/// Each contact as `name|phone|email|metadata`.
fn lines(import: &Import) -> Vec<String> {
    let line = |contact: &NewContact| {
        let phone = contact.phone_number.as_ref().map_or("-", |phone| phone.as_str());
        let metadata = contact.metadata.as_ref().map_or_else(String::new, |map| Json::Object(map.clone()).to_string());
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        format!("{}|{phone}|{}|{metadata}", text(&contact.name), text(&contact.email))
    };
    import.contacts.iter().map(line).collect()
}

#[test]
fn a_hubspot_export_is_recognised() {
    let import = read_text(
        "Record ID,First Name,Last Name,Email,Phone Number,Mobile Phone Number,Lifecycle Stage\n\
         51,Budi,Santoso,budi@example.com,0812 3456 7890,+62 813 1111 2222,lead\n",
    );
    assert_eq!(import.layout, Layout::HubSpot);
    assert_eq!(
        lines(&import),
        [concat!(
            "Budi Santoso|+6281234567890|budi@example.com|",
            r#"{"record_id":"51","mobile_phone_number":"+6281311112222","lifecycle_stage":"lead"}"#
        )]
    );
}

#[test]
fn a_salesforce_export_is_recognised() {
    let import = read_text(
        "\"Id\",\"FirstName\",\"LastName\",\"MobilePhone\",\"Email\",\"LeadSource\"\n\
         \"003A\",\"Ana\",\"Lima\",\"+55 11 98765-4321\",\"ana@example.org\",\"Web\"\n",
    );
    assert_eq!(import.layout, Layout::Salesforce);
    assert_eq!(lines(&import), [r#"Ana Lima|+5511987654321|ana@example.org|{"id":"003A","leadsource":"Web"}"#]);
}

#[test]
fn a_google_export_is_recognised_with_several_values_in_a_cell() {
    let import = read_text(
        "Name,Given Name,Family Name,E-mail 1 - Value,Phone 1 - Label,Phone 1 - Value\n\
         สมชาย ใจดี,สมชาย,ใจดี,a@example.com ::: b@example.com,Mobile,+66 81 234 5678 ::: 081 234 5679\n",
    );
    assert_eq!(import.layout, Layout::Google);
    let expected = concat!(
        "สมชาย ใจดี|+66812345678|a@example.com|",
        r#"{"e_mail_1_value":"b@example.com","phone_1_label":"Mobile","phone_1_value":"+62812345679"}"#
    );
    assert_eq!(lines(&import), [expected]);
}

#[test]
fn a_plain_german_export_in_windows_1252_is_read() {
    let text = "Vorname;Nachname;Telefon;E-Mail\nJ\u{fc}rgen;M\u{fc}ller;+49 151 23456789;j@example.com\n";
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(text);
    let import = read(&bytes, None).expect("a readable file");
    assert_eq!(import.layout, Layout::Plain);
    assert_eq!(lines(&import), ["Jürgen Müller|+4915123456789|j@example.com|"]);
}

#[test]
fn a_stray_byte_in_utf_8_refuses_its_row_alone() {
    let mut bytes = "Name,Phone\nZoë Müller,+6281234567801\n王小明,+6281234567802\nBad ".as_bytes().to_vec();
    bytes.extend(b"\xff,+6281234567803\n");
    let import = read(&bytes, None).expect("a readable file");
    assert_eq!(lines(&import), ["Zoë Müller|+6281234567801|-|", "王小明|+6281234567802|-|"]);
    assert_eq!(import.refused.iter().map(|row| row.line).collect::<Vec<_>>(), [4]);
}

#[test]
fn utf_16_with_and_without_a_mark_and_utf_8_with_one_are_read() {
    let text = "name\tphone\nИван Петров\t+7 912 345-67-89\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked: Vec<u8> = [0xff, 0xfe].into_iter().chain(little.clone()).collect();
    let utf_8: Vec<u8> = [0xef, 0xbb, 0xbf].into_iter().chain(text.bytes()).collect();
    for bytes in [little, marked, utf_8] {
        let import = read(&bytes, None).expect("a readable file");
        assert_eq!(lines(&import), ["Иван Петров|+79123456789|-|"]);
    }
}

#[test]
fn excel_may_name_the_delimiter() {
    let import = read_text("sep=|\r\nname|phone\r\nA, B|0812-3456-7890\r\nC|nobody\r\n");
    assert_eq!(lines(&import), ["A, B|+6281234567890|-|"]);
    assert_eq!(import.refused[0].line, 4, "lines are those of the file");
}

#[test]
fn refused_rows_name_their_line_and_the_reason() {
    let import = read_text(
        "name,phone,email\n\
         A,12345,\n\
         B,,\n\
         \n\
         C,,not-an-address\n\
         D,0812 3456 7890,d@example.com,oops\n\
         \"E\nof two lines\",0812 3456 7891,e@example.com\n\
         F,n/a,f@example.com\n",
    );
    let refused: Vec<String> = import.refused.iter().map(|row| format!("{}: {}", row.line, row.reason)).collect();
    assert_eq!(
        refused,
        [
            "2: \"12345\" is not a phone number, and there is no e-mail address",
            "3: has neither a phone number nor an e-mail address",
            "5: \"not-an-address\" is not an e-mail address, and there is no phone number",
            "6: has 4 cells where the header has 3",
        ]
    );
    assert_eq!(
        lines(&import),
        ["E of two lines|+6281234567891|e@example.com|", r#"F|-|f@example.com|{"phone_as_given":"n/a"}"#]
    );
    assert_eq!(import.rows, import.contacts.len() + import.folded.len() + import.refused.len());
}

#[test]
fn rows_of_one_person_fold_and_say_what_they_leave_out() {
    let import = read_text(
        "name,phone,email,city\n\
         Budi,0812 3456 7890,,Bandung\n\
         Budi Santoso,+62 812-3456-7890,budi@example.com,bandung\n\
         ,,BUDI@example.com,\n\
         Siti,0813 1111 2222,budi@example.com,\n",
    );
    assert_eq!(
        lines(&import),
        [r#"Budi|+6281234567890|budi@example.com|{"city":"Bandung"}"#, "Siti|+6281311112222|budi@example.com|",],
        "one address, two numbers: two people"
    );
    let folded: Vec<(u64, u64, &[String])> =
        import.folded.iter().map(|row| (row.line, row.into, row.left_out.as_slice())).collect();
    assert_eq!(folded[0], (3, 2, ["name: Budi Santoso".to_owned(), "city: bandung".to_owned()].as_slice()));
    assert_eq!(folded[1], (4, 2, [].as_slice()));
}

#[test]
fn a_file_that_is_no_list_of_contacts_is_refused_whole() {
    let refusal = |bytes: &[u8]| read(bytes, None).expect_err("no contacts").to_string();
    assert_eq!(refusal(b""), "the file is empty");
    assert_eq!(
        refusal(b"order,total\n1,2\n"),
        "no column looks like a phone number or an e-mail address; the header is: order, total"
    );
    assert_eq!(
        refusal(b"name,phone\nA,+6281234567890\n\"B,+6281234567891\nC,+6281234567892\n"),
        "line 3: a quotation mark is never closed"
    );
}

#[test]
fn headers_that_repeat_or_say_nothing_still_keep_their_values() {
    let import = read_text("phone,note,note,\n0812 3456 7890,a,b,c\n");
    assert_eq!(lines(&import), [r#"-|+6281234567890|-|{"note":"a","column_3":"b","column_4":"c"}"#]);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_or_refused_and_no_row_vanishes(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
        let mut file = b"name,phone,email\n".to_vec();
        file.extend(bytes);
        if let Ok(import) = read(&file, Some("ID")) {
            proptest::prop_assert_eq!(import.rows, import.contacts.len() + import.folded.len() + import.refused.len());
        }
    }
}
